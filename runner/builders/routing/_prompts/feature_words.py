"""The English words and phrases by which a prompt's yes-or-no features are known. ``_`` joins the words of a phrase."""

from __future__ import annotations

#: Feature -> its words and phrases, any of which sets it. Words stand in as many groups as they speak for.
WORDS: dict[str, str] = {
    "task_coding": """
        code coding program programming script function functions method algorithm implement implementation implements
        debug debugging bug bugs compile compiler refactor regex sql query python javascript typescript java rust golang
        kotlin php ruby bash html css react django flask pandas numpy api unittest class snippet pseudocode c++ c#
        stack_trace unit_test pull_request source_code""",
    "task_math": """
        calculate calculating compute solve solving equation equations integral integrate derivative differentiate
        factorial polynomial probability matrix determinant eigenvalue prove theorem sum remainder
        divided multiply multiplied square_root how_many how_much percent percentage simplify evaluate_the fraction
        average arithmetic triangle perimeter area hypotenuse divisible prime_number prime_numbers""",
    "task_creative_writing": """
        story stories poem poems poetry haiku limerick sonnet lyrics lyric song novel fiction fanfiction screenplay
        dialogue monologue fable rhyme rhyming verse tale narrative character characters roleplay role_play
        imagine once_upon_a_time write_a_scene short_story slogan tagline joke jokes pun parody""",
    "task_question": "",
    "task_explanation": """
        explain explains explaining explanation describe description why clarify elaborate how_does how_do how_is
        how_are what_does what_is_the_difference tell_me_about help_me_understand teach_me walk_me_through meaning
        define definition""",
    "task_summarization": """
        summarize summarise summarizing summarising summarized summary summaries tldr condense shorten synopsis recap
        abstract main_points key_points main_idea tl_dr in_a_nutshell outline_the gist takeaways""",
    "task_translation": """
        translate translates translated translating translation translations translator into_english into_french
        into_spanish into_german into_chinese into_japanese into_italian into_russian into_portuguese into_korean
        in_french in_spanish in_german in_chinese in_japanese in_italian in_russian in_portuguese in_korean in_latin""",
    "task_editing": """
        rewrite rewrites rewriting rewritten paraphrase paraphrasing rephrase rephrasing reword edit editing proofread
        proofreading revise revision grammar grammatical grammatically spelling punctuation improve correct_the
        correct_this fix_the make_it_sound polish typos typo simplify_the convert_the edit_the""",
    "task_analysis": """
        analyze analyse analysis analyzing compare comparing comparison contrast evaluate evaluation assess critique
        review classify classification categorize categorise category identify extract sentiment label detect
        pros_and_cons advantages disadvantages strengths weaknesses difference_between differences_between rank
        similarities versus vs""",
    "task_planning": """
        plan plans planning schedule itinerary brainstorm ideas idea suggest suggestion suggestions recommend
        recommendation recommendations strategy strategies roadmap advice tips propose proposal agenda routine workout
        come_up_with what_should_i how_can_i how_should_i best_way_to help_me_plan""",
    "domain_software": """
        code software programming python javascript typescript java rust golang sql database api server linux docker
        kubernetes git github algorithm compiler backend frontend html css react django bug debug app website cloud aws
        machine_learning neural_network operating_system data_structure unit_test command_line c++ c# bash regex devops
        json cybersecurity encryption""",
    "domain_mathematics": """
        math maths mathematics algebra geometry calculus equation equations integral derivative theorem proof matrix
        vector probability statistics polynomial arithmetic trigonometry prime fraction logarithm combinatorics topology
        eigenvalue triangle hypotenuse number_theory square_root standard_deviation linear_algebra""",
    "domain_science": """
        physics chemistry biology quantum atom atoms atomic molecule molecules molecular cell cells dna rna gene genetic
        evolution energy gravity velocity photosynthesis ecosystem climate planet planets astronomy galaxy star
        universe experiment hypothesis chemical reaction electron proton neutron geology species bacteria thermodynamics
        relativity black_hole light_year scientific scientist""",
    "domain_medicine": """
        medical medicine doctor patient patients disease diseases symptom symptoms diagnosis treatment drug drugs
        medication vaccine cancer diabetes blood heart surgery hospital health healthcare nurse clinical therapy pain
        infection virus anxiety depression pregnancy nutrition diet vitamin calories sleep dose dosage""",
    "domain_law": """
        law laws legal lawyer attorney court courts judge contract contracts clause liability lawsuit sue statute
        constitution constitutional copyright patent trademark regulation regulations gdpr compliance tenant landlord
        criminal plaintiff defendant jurisdiction legislation license terms_of_service intellectual_property""",
    "domain_business": """
        business company companies market marketing startup customer customers sales revenue profit investment invest
        investor investors stock stocks finance financial bank banking economy economic economics inflation budget tax
        taxes accounting entrepreneur management manager brand product pricing strategy supply_chain resume cv
        cover_letter job_interview interview linkedin salary advertising crypto bitcoin""",
    "domain_history": """
        history historical war wars empire emperor ancient medieval century revolution king queen dynasty roman rome
        greek egypt egyptian civilization colonial renaissance president presidents ww1 ww2 napoleon soviet treaty
        world_war cold_war civil_war middle_ages""",
    "domain_arts": """
        art arts artist painting paintings painter music musician musical song songs poem poetry poet novel novels
        literature literary author shakespeare sculpture architecture photography design drawing theater theatre
        opera symphony guitar piano melody lyrics museum haiku sonnet fiction fashion""",
    "domain_entertainment": """
        movie movies film films tv anime game games gaming gamer player players football soccer basketball baseball
        tennis cricket olympics team sport sports chess minecraft pokemon netflix celebrity actor actress comedy
        series episode superhero marvel nintendo playstation xbox dungeon dnd d&d star_wars video_game harry_potter
        league_of_legends""",
    "domain_education": """
        student students teacher teachers school schools university college homework essay essays exam exams classroom
        lesson lessons curriculum course courses learn learning study studying degree thesis dissertation academic
        tutor tutoring kindergarten syllabus quiz flashcards lecture grade_school high_school lesson_plan vocabulary""",
    "domain_daily_life": """
        recipe recipes cook cooking bake baking food meal meals dinner breakfast lunch kitchen ingredients restaurant
        travel trip vacation hotel flight flights tourist itinerary home house garden gardening clean cleaning laundry
        car family kids children baby parents dog cat pet pets birthday wedding gift gifts shopping clothes hobby
        weather furniture neighbor""",
    "domain_society": """
        philosophy philosophical ethics ethical moral morality religion religious god bible christian islam buddhism
        psychology psychological politics political government democracy election elections policy society social
        culture cultural gender racism feminism immigration capitalism socialism communism rights free_will
        consciousness kant nietzsche freud human_rights meaning_of_life relationship relationships""",
    "style_polite": """
        please thanks thank kindly appreciate grateful sorry could_you would_you may_i i_would_like would_you_mind""",
    "style_informal": """
        lol lmao haha hahaha gonna wanna gotta kinda sorta yeah yep nope hey hi hello dude bro u ur pls plz thx omg wtf
        btw idk imo ya cuz ok okay cool awesome stuff ain't y'all dunno tbh""",
    "style_imperative": "",
    "style_personal": "i my me mine i'm i've i'd i'll we our us myself im ive",
    "context_refers_back": """
        above previous previously earlier again continue aforementioned you_said you_mentioned you_just you_wrote
        your_answer your_last your_previous your_response the_same_thing last_one first_one second_one what_about
        how_about try_again same_but go_on keep_going one_more more_detail""",
    "format_list": """
        list lists listing bullet bullets bulleted bullet_points bullet_point enumerate numbered top_3 top_5 top_10
        top_ten top_five give_me_3 give_me_5 give_me_10 give_me_ten give_me_five itemize checklist""",
    "format_table": "table tables tabular columns spreadsheet csv excel rows_and_columns markdown_table",
    "format_structured": """
        json xml yaml csv markdown latex html toml schema key_value template jsonl in_the_format the_following_format
        format_your output_format code_block following_structure""",
    "format_length": """
        briefly brief short concise concisely succinct succinctly detailed in_detail lengthy long_form in_one_word
        one_sentence one_paragraph a_sentence a_paragraph few_sentences single_sentence word_limit no_more_than
        less_than_100 two_sentences three_sentences in_depth comprehensive""",
    "format_steps": """
        step steps step_by_step tutorial guide instructions instruction procedure walkthrough how_to first_then
        walk_me_through""",
}


def words_of(listed: str) -> frozenset[str]:
    """The words of a list that spaces part."""
    return frozenset(listed.split())


#: Words that open a question.
INTERROGATIVE = words_of("""
    what who whom whose when where which why how is are was were do does did can could will would should has have
    had am isn't aren't don't doesn't didn't won't what's who's where's how's""")
#: Words that open an order.
IMPERATIVE = words_of("""
    write give tell make create explain list describe generate summarize summarise translate rewrite find calculate
    solve compare provide suggest help show design develop implement identify classify name define discuss analyze
    analyse evaluate convert compose draft edit fix generate imagine act pretend answer use add build choose compute
    construct correct count come determine estimate extract fill format group improve outline paraphrase plan predict
    prove rank read recommend rephrase sort state suppose take think transform turn brainstorm categorize complete
    continue propose rate reply respond simplify rearrange reverse select arrange let assume consider""")
#: Words that set a condition on the answer.
REQUIREMENT = words_of("""
    must should need needs require requires required requirement requirements ensure only exactly least most maximum
    minimum without avoid include including exclude except between never always each every following use using given
    within limit don't not shouldn't specific specifically constraint constraints format""")
#: Words of an argument: what makes a prompt a matter of several steps.
REASONING = words_of("""
    because therefore thus hence if then else when while since so assume assuming suppose given prove derive deduce
    infer imply implies conclude conclusion reason reasoning step steps first second third next finally however
    although whether why consequently logic logical puzzle riddle contradiction""")
