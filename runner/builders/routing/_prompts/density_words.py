"""The English words and phrases behind the densities of a prompt. ``_`` joins the words of a phrase."""

from __future__ import annotations

from runner.builders.routing._prompts.feature_words import WORDS

#: Feature -> its words and phrases. Where another feature asks for the same, they are its words.
DENSITY_WORDS: dict[str, str] = {
    "Multi-part request density": """
        also additionally furthermore moreover besides plus then next finally lastly first second third firstly secondly
        thirdly afterwards as_well_as and_then and_also in_addition followed_by part_1 part_2 part_a part_b""",
    "Science score": WORDS["domain_science"],
    "Medicine domain score": WORDS["domain_medicine"],
    "Law score": WORDS["domain_law"],
    "Finance score": """
        finance financial bank banking banks loan loans mortgage credit debt interest invest investing investment
        investments investor investors stock stocks bond bonds dividend portfolio market markets inflation budget tax
        taxes accounting asset assets economy economic economics currency dollar dollars euro crypto bitcoin trading
        retirement pension insurance hedge_fund interest_rate balance_sheet cash_flow""",
    "Tech score": WORDS["domain_software"],
    "Academic score": WORDS["domain_education"] + " research citation cite peer_reviewed literature_review journal",
    "Casual score": WORDS["style_informal"],
    "Formal score": """
        hereby herein therefore furthermore moreover nevertheless regarding respectfully sincerely accordingly pursuant
        aforementioned whereas henceforth notwithstanding sir madam dear esteemed shall therein thereof request inquire
        enquire in_accordance_with with_regard_to with_respect_to to_whom yours_faithfully yours_sincerely""",
    "Philosophical score": """
        philosophy philosophical philosopher ethics ethical moral morality existence existential consciousness
        metaphysics epistemology ontology stoicism nihilism utilitarianism kant nietzsche plato socrates aristotle truth
        virtue justice soul god religion free_will meaning_of_life""",
    "Historical score": WORDS["domain_history"],
    "Personal score": """
        i my me mine i'm i've i'd i'll myself im ive feel feeling feelings friend friends family mother father mom dad
        wife husband girlfriend boyfriend partner son daughter relationship marriage personal life""",
    "Business score": """
        business company companies market marketing startup customer customers client clients sales revenue profit
        entrepreneur management manager employee employees team brand product products pricing strategy stakeholder
        meeting negotiation linkedin salary advertising supply_chain business_plan job_interview cover_letter""",
    "Informal marker density": WORDS["style_informal"],
    "Specificity density": """
        exactly precisely specific specifically particular namely must should only least most maximum minimum exact
        between within without exclude include including excluding except each every limit at_least at_most
        no_more_than for_example such_as in_particular""",
    "Politeness density": WORDS["style_polite"],
    "Urgency density": """
        urgent urgently asap immediately quickly quick hurry now today tonight deadline emergency soon instantly fast
        right_now right_away as_soon_as_possible by_tomorrow""",
    "Has code request": """
        code coding program programming script function functions method algorithm implement implementation debug
        refactor regex sql query class snippet pseudocode unit_test source_code""",
    "Has math": WORDS["task_math"],
    "Has creative writing": WORDS["task_creative_writing"],
    "Has factual query": """
        who when where which what_is what_are what_was what_were what_year how_many how_much how_old how_far how_tall
        capital_of""",
    "Has instruction following": """
        must should require required requirement requirements ensure avoid constraint constraints instructions exactly
        don't do_not make_sure follow_the the_following at_least at_most no_more_than step_by_step""",
    "Has roleplay": """
        roleplay pretend persona act_as acting_as role_play imagine_you you_are_a you_are_an you_are_the
        take_the_role play_the_role in_the_style_of in_character as_if_you""",
    "Has analysis": WORDS["task_analysis"],
    "Expects list": WORDS["format_list"],
    "Expects table": WORDS["format_table"],
    "Expects JSON": "json jsonl",
    "Expects code": """
        function script program code snippet query regex class implementation unit_test python javascript typescript
        java c++ c# sql html css bash""",
    "Expects long response": """
        essay article report story detailed comprehensive thorough thoroughly elaborate lengthy long in_detail in_depth
        long_form step_by_step blog_post full_length write_a_chapter""",
}
