"""Scripted patients of the demo hospital about whom nothing can be concluded: no level, or none that can be used."""

from __future__ import annotations

from adapter.commands.demo_cast_levels import OVERDUE, PREMEDICATED, WITHOUT_LEVEL
from adapter.commands.demo_story import Dose, Level, RaisedFlag, Story, Verdict

DATA_CHECK = RaisedFlag(topic="data-check", priority="P2")
UNUSABLE = Verdict(exposure="indeterminate", mechanism="not-assessable", monitoring="sample-overdue")

NOTHING_TO_CONCLUDE = (
    Story(
        slug="early-good",
        label="Good on day 3, too early to promise day 7",
        doses=(Dose(days_ago=5, levels=(Level(hours=72, value="0.40"),)),),
        verdicts=(Verdict(exposure="indeterminate", mechanism="no-evidence-of-inactivation", monitoring="not-due"),),
    ),
    Story(
        slug="premedicated-without-level",
        label="Premedicated, no level taken",
        doses=(Dose(days_ago=10, premedication=PREMEDICATED),),
        verdicts=(WITHOUT_LEVEL,),
        flags=(OVERDUE,),
    ),
    Story(
        slug="preliminary-only",
        label="Only a preliminary report so far",
        doses=(
            Dose(
                days_ago=7, levels=(Level(hours=146, value="<^0.03", value_type="SN", status="P", reported_after_h=6),)
            ),
        ),
        verdicts=(Verdict(exposure="indeterminate", mechanism="not-assessable", monitoring="due"),),
    ),
    Story(
        slug="result-overdue",
        label="Collected, no result after five days",
        doses=(Dose(days_ago=12, levels=(Level(hours=150, value="", status="I", reported_after_h=4),)),),
        verdicts=(Verdict(exposure="no-result", mechanism="not-assessable", monitoring="result-overdue"),),
        flags=(OVERDUE,),
    ),
    Story(
        slug="specimen-rejected",
        label="Tube rejected (lipaemic)",
        doses=(Dose(days_ago=10, levels=(Level(hours=167, value="TNP", value_type="ST", status="X"),)),),
        verdicts=(WITHOUT_LEVEL,),
        flags=(OVERDUE,),
    ),
    Story(
        slug="discordant",
        label="Rises without a dose between: check tube and dose",
        doses=(
            Dose(
                days_ago=12,
                levels=(Level(hours=168, value="0.05"), Level(hours=240, value="0.41", specimen="B")),
            ),
        ),
        verdicts=(UNUSABLE,),
        flags=(DATA_CHECK, OVERDUE),
    ),
    Story(
        slug="unit-suspect",
        label="0.45 per litre: implausible unit",
        doses=(Dose(days_ago=9, levels=(Level(hours=168, value="0.45", unit="IU/L"),)),),
        verdicts=(UNUSABLE,),
        flags=(DATA_CHECK, OVERDUE),
    ),
    Story(
        slug="unit-missing",
        label="Unit missing",
        doses=(Dose(days_ago=9, levels=(Level(hours=168, value="0.45", unit="", answer="AE"),)),),
        verdicts=(UNUSABLE,),
        flags=(DATA_CHECK, OVERDUE),
    ),
    Story(
        slug="unit-refused",
        label="Arbitrary units: another kind of test",
        doses=(
            Dose(
                days_ago=9,
                levels=(Level(hours=168, value="34", unit="AU/mL", answer="AE", delivery="same-bytes-twice"),),
            ),
        ),
        verdicts=(UNUSABLE,),
        flags=(DATA_CHECK, OVERDUE),
    ),
    Story(
        slug="value-unreadable",
        label="A number nobody can read",
        doses=(Dose(days_ago=9, levels=(Level(hours=168, value="0.4.2", value_type="ST", answer="AE"),)),),
        verdicts=(UNUSABLE,),
        flags=(DATA_CHECK, OVERDUE),
    ),
    Story(
        slug="collection-time-missing",
        label="No collection time",
        doses=(Dose(days_ago=9, levels=(Level(hours=160, value="0.40", without_collection_time=True, answer="AE"),)),),
        verdicts=(Verdict(exposure="indeterminate", mechanism=None, monitoring=None),),
        flags=(DATA_CHECK, OVERDUE),
    ),
    Story(
        slug="dose-missing",
        label="Activity without any known dose",
        levels_without_dose=(Level(hours=24, value="0.30", shape="latin-1-undeclared"),),
        verdicts=(Verdict(exposure="indeterminate", mechanism="not-assessable"),),
        flags=(DATA_CHECK,),
    ),
)
