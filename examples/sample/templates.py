"""The wordings: at least eight of each kind, so that a kind is more than a keyword.

A story's template carries its sign: `+` where the person ends with more, `-` where with less.
"""

SUM = (
    "What is {a} + {b}?",
    "Calculate {a} + {b}.",
    "{a} + {b} = ?",
    "What do you get when you add {b} to {a}?",
    "What is {a} plus {b}?",
    "Find the sum of {a} and {b}.",
    "How much is {a} plus {b}?",
    "Work out {a} + {b} for me.",
    "If I add {a} and {b}, what is the total?",
    "Tell me what {a} and {b} make together.",
)
DIFFERENCE = (
    "What is {a} - {b}?",
    "Calculate {a} - {b}.",
    "{a} - {b} = ?",
    "What remains when you subtract {b} from {a}?",
    "What is {a} minus {b}?",
    "How much is {a} minus {b}?",
    "Take {b} away from {a}. What is left?",
    "Work out {a} - {b} for me.",
)
PRODUCT = (
    "What is {a} * {b}?",
    "Calculate {a} x {b}.",
    "{a} × {b} = ?",
    "What is {a} times {b}?",
    "Multiply {a} by {b}.",
    "Find the product of {a} and {b}.",
    "How much is {a} * {b}?",
    "What do {a} groups of {b} come to?",
    "Work out {a} x {b} for me.",
)
STORY = (
    ("+", "{name} has {a} {things} and buys {b} more. How many {things} does {name} have now?"),
    ("+", "There were {a} {things} in the box. {name} put in {b} more. How many {things} are there now?"),
    ("+", "{name} found {a} {things} today and {b} {things} yesterday. How many did {name} find in all?"),
    ("+", "{name} owns {a} {things} and gets {b} as a present. How many {things} is that in total?"),
    ("+", "On a walk {name} counts {a} {things}, then {b} others. What is the total number of {things}?"),
    ("-", "{name} has {a} {things} and gives {b} to a friend. How many {things} are left?"),
    ("-", "{name} had {a} {things} but lost {b} of them. How many {things} does {name} still have?"),
    ("-", "A shop has {a} {things}. It sells {b}. How many {things} remain?"),
    ("-", "{name} picked {a} {things} and ate {b}. How many {things} are left?"),
    ("-", "Out of {a} {things}, {b} broke on the way home. How many {things} did {name} keep?"),
)
CAPITAL = (
    "What is the capital of {x}?",
    "Name the capital city of {x}.",
    "Which city is the capital of {x}?",
    "{x}: what is its capital?",
    "Tell me the capital of {x}.",
    "In which city does the government of {x} sit?",
    "I am visiting {x}. What is the capital called?",
    "Do you know {x}'s capital city?",
    "Which city would you find marked as the capital on a map of {x}?",
    "The capital of {x} is",
)
OPPOSITE = (
    'What is the opposite of "{x}"?',
    "Give me an antonym of {x}.",
    "Name a word that means the opposite of {x}.",
    "Which word is the antonym of '{x}'?",
    "{x} is the opposite of what?",
    "If something is not {x} but the reverse, which word fits?",
    "Complete the pair of opposites: {x} and",
    "What word has the contrary meaning of {x}?",
    "Tell me the opposite of {x}.",
)
COPY = (
    "Repeat exactly: {x}",
    'Say "{x}" and nothing else.',
    "Copy this text word for word: {x}",
    "Please echo the following: {x}",
    'Write the words "{x}" back to me.',
    "Type this again without any change: {x}",
    'Your answer must be exactly "{x}".',
    "Return this line as it is: {x}",
    'Output only this phrase: "{x}"',
)
REVERSE = (
    "Reverse the word '{x}'.",
    "Spell {x} backwards.",
    'Write "{x}" in reverse.',
    "What is {x} spelled backwards?",
    "Give me the letters of '{x}' from last to first.",
    "Turn the word {x} around, letter by letter.",
    'How does "{x}" read from right to left?',
    "Write the word {x} with its letters in reversed order.",
)
COUNT = (
    "How many times does the letter {c} appear in '{x}'?",
    'How many {c}\'s are in "{x}"?',
    "Count the letter {c} in the word {x}.",
    "In the word {x}, how often do you see the letter {c}?",
    'What is the number of times "{c}" occurs in "{x}"?',
    "How many of the letters of {x} are {c}?",
    "Tell me how many letters {c} there are in {x}.",
    "Look at '{x}'. How often does '{c}' occur?",
)
ASCENDING = (
    "Sort these numbers from smallest to largest: {x}",
    "Put {x} in ascending order.",
    "Arrange the numbers {x} from low to high.",
    "Order these from least to greatest: {x}",
    "Sort: {x}",
    "List {x} in increasing order.",
    "Rank {x}, the smallest first.",
)
DESCENDING = (
    "Sort these numbers from largest to smallest: {x}",
    "Put {x} in descending order.",
    "Arrange {x} with the biggest first.",
)
LARGER = (
    "Which number is larger, {a} or {b}?",
    "Which is greater: {a} or {b}?",
    "Pick the bigger of {a} and {b}.",
    "Between {a} and {b}, which one is more?",
    "Of the two numbers {a} and {b}, name the larger one.",
    "What is the maximum of {a} and {b}?",
    "{a} or {b}: which is the higher number?",
    "If you compare {a} with {b}, which is greater?",
    "I have {a} points and you have {b}. What is the higher score?",
)
CONVERSION = (
    "How many {small} are there in {n} {large}?",
    "Convert {n} {large} to {small}.",
    "{n} {large} is how many {small}?",
    "Express {n} {large} in {small}.",
    "What is {n} {large} in {small}?",
    "If it comes to {n} {large}, how many {small} is that?",
    "Change {n} {large} into {small}.",
    "How many {small} make up {n} {large}?",
)
EVEN = (
    "Is {n} an even number? Answer yes or no.",
    "Is {n} even?",
    "Yes or no: is {n} even?",
    "Can {n} be divided by 2 without a remainder? Answer yes or no.",
    "Would you call {n} an even number, yes or no?",
)
ODD = (
    "Is {n} an odd number? Answer yes or no.",
    "Is {n} odd?",
    "Yes or no: is {n} odd?",
    "Is the number {n} odd? Reply with yes or no.",
)
WEEKDAY_AFTER = (
    "What day comes {n} days after {x}?",
    "If today is {x}, what day is it in {n} days?",
    "Today is {x}. Which day of the week will it be {n} days from now?",
    "Count {n} days forward from {x}. Which day is it?",
    "It is {x}. My parcel arrives in {n} days. On which day of the week?",
)
WEEKDAY_BEFORE = (
    "What day comes {n} days before {x}?",
    "If today is {x}, what day was it {n} days ago?",
    "Count {n} days back from {x}. Which day is it?",
)
ANIMAL = (
    "Is {ax} an animal? Answer yes or no.",
    "Yes or no: is {ax} an animal?",
    "Is {ax} an animal?",
    "Does the word '{x}' name an animal? Answer yes or no.",
    "Would you say that {ax} is an animal, yes or no?",
    "Is {ax} a living creature? Reply yes or no.",
    "Can {ax} be counted among the animals? Answer yes or no.",
    "Tell me whether {ax} is an animal, with yes or no.",
)
TRANSLATION = (
    "How do you say '{x}' in {language}?",
    'Translate "{x}" into {language}.',
    "What is the {language} word for {x}?",
    "Give me the {language} translation of {x}.",
    "What do {language} speakers call this: {x}?",
    "In {language}, what is the word for '{x}'?",
    "I am learning {language}. How do I say {x}?",
    "What does the English word {x} become in {language}?",
    '{language} for "{x}", please.',
)

# About half of the prompts are dressed in small talk that says nothing of their kind.
OPENINGS = (
    "Hi! ",
    "Quick question. ",
    "Hello there. ",
    "A riddle for you: ",
    "Help me with my homework. ",
    "OK, on we go. ",
)
CLOSINGS = (" Thanks!", " Please be brief.", " Just the answer.", " I need to know.", " Thanks in advance.")
