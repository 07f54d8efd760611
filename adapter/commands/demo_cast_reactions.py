"""Scripted patients of the demo hospital with a reaction: same symptoms, different biology."""

from __future__ import annotations

from adapter.commands.demo_cast_levels import ADEQUATE, INACTIVATION, PREMEDICATED, REVERSED
from adapter.commands.demo_story import Dose, Level, RaisedFlag, Reaction, Story, Verdict

HIVES = Reaction(hours=0.33, snomed="126485001", words="Urticaria", severity="moderate")
BRONCHOSPASM = Reaction(hours=0.25, snomed="4386001", words="Bronchospasm", severity="severe")
NEUTRALIZING = RaisedFlag(topic="neutralizing-hypersensitivity", priority="P1")
PRESERVED = RaisedFlag(topic="reaction-activity-preserved", priority="P2")
UNRESOLVED = RaisedFlag(topic="reaction-unresolved", priority="P1")
NEUTRALIZED = Verdict(exposure="inadequate", mechanism="neutralizing-hypersensitivity", monitoring="complete")
TOLERATED = Verdict(exposure="adequate", mechanism="reaction-activity-preserved", monitoring="complete")

REACTIONS = (
    Story(
        slug="neutralizing-hypersensitivity",
        label="Reaction and activity lost",
        doses=(Dose(days_ago=9, reactions=(HIVES,), levels=(Level(hours=168, value="<^0.03", value_type="SN"),)),),
        verdicts=(NEUTRALIZED,),
        flags=(NEUTRALIZING,),
    ),
    Story(
        slug="allergic-like-reaction",
        label="Reaction, activity kept",
        doses=(Dose(days_ago=9, reactions=(HIVES,), levels=(Level(hours=167.5, value="0.71"),)),),
        verdicts=(TOLERATED,),
        flags=(PRESERVED,),
    ),
    Story(
        slug="severe-reaction",
        label="Severe reaction, activity kept",
        doses=(Dose(days_ago=9, reactions=(BRONCHOSPASM,), levels=(Level(hours=168, value="0.50"),)),),
        verdicts=(Verdict(exposure="adequate", mechanism="severe-reaction-activity-preserved", monitoring="complete"),),
        flags=(RaisedFlag(topic="severe-reaction", priority="P1"),),
    ),
    Story(
        slug="partial-dose",
        label="Infusion stopped at a fifth, activity lost",
        doses=(
            Dose(
                days_ago=9,
                status="stopped",
                infusion_minutes=24,
                given_iu_per_m2=500,
                ordered_iu_per_m2=2500,
                reactions=(HIVES,),
                levels=(Level(hours=168, value="<^0.03", value_type="SN"),),
            ),
        ),
        verdicts=(
            Verdict(exposure="inadequate", mechanism="suspected-neutralizing-hypersensitivity", monitoring="complete"),
        ),
        flags=(NEUTRALIZING,),
    ),
    Story(
        slug="reaction-without-level",
        label="Reaction three days ago, no level yet",
        doses=(Dose(days_ago=3, reactions=(HIVES,)),),
        verdicts=(Verdict(exposure="no-result", mechanism="reaction-unresolved", monitoring="not-due"),),
        flags=(UNRESOLVED,),
    ),
    Story(
        slug="premedicated-after-reaction",
        label="Premedicated after an earlier reaction, no level taken",
        doses=(
            Dose(days_ago=31, reactions=(HIVES,), levels=(Level(hours=168, value="0.66"),)),
            Dose(days_ago=10, premedication=PREMEDICATED),
        ),
        verdicts=(
            TOLERATED,
            Verdict(exposure="no-result", mechanism="not-assessable", monitoring="sample-overdue"),
        ),
        flags=(PRESERVED, RaisedFlag(topic="tdm-overdue", priority="P1")),
    ),
    Story(
        slug="re-exposure",
        label="Given again after neutralizing hypersensitivity",
        doses=(
            Dose(days_ago=24, reactions=(HIVES,), levels=(Level(hours=168, value="<^0.03", value_type="SN"),)),
            Dose(days_ago=3, premedication=PREMEDICATED),
        ),
        verdicts=(
            NEUTRALIZED,
            Verdict(exposure="no-result", mechanism="not-assessable", monitoring="not-due"),
        ),
        flags=(NEUTRALIZING, RaisedFlag(topic="re-exposure", priority="P1")),
    ),
    Story(
        slug="allergy-retracted",
        label="Reaction entered in error: the loss was silent",
        doses=(
            Dose(
                days_ago=9,
                reactions=(Reaction(hours=0.5, snomed="271807003", words="Rash", severity="mild", retracted=True),),
                levels=(Level(hours=168, value="<^0.03", value_type="SN"),),
            ),
        ),
        verdicts=(
            Verdict(exposure="inadequate", mechanism="suspected-silent-inactivation", monitoring="confirmation-due"),
        ),
        flags=(INACTIVATION, REVERSED),
        closed_topics=("neutralizing-hypersensitivity",),
    ),
)

OTHER_PRODUCTS = (
    Story(
        slug="calaspargase",
        label="Calaspargase, day 21",
        doses=(Dose(days_ago=23, drug="CALASP", levels=(Level(hours=504, value="0.21"),)),),
        verdicts=(ADEQUATE,),
    ),
    Story(
        slug="crisantaspase",
        label="Crisantaspase, 48 hours",
        doses=(
            Dose(
                days_ago=4,
                drug="CRISAN",
                given_iu_per_m2=25000,
                infusion_minutes=0,
                intramuscular=True,
                levels=(Level(hours=48, value="0.18"),),
            ),
        ),
        verdicts=(ADEQUATE,),
    ),
    Story(
        slug="crisantaspase-weekend-gap",
        label="Crisantaspase, low 72 hours after the last dose before a weekend: no inactivation",
        doses=(
            Dose(
                days_ago=5,
                drug="CRISAN",
                given_iu_per_m2=25000,
                infusion_minutes=0,
                intramuscular=True,
                levels=(Level(hours=72, value="0.06"),),
            ),
        ),
        verdicts=(Verdict(exposure="inadequate", mechanism="below-target-not-inactivation", monitoring="complete"),),
        flags=(RaisedFlag(topic="below-target", priority="P2"),),
    ),
    Story(
        slug="switched-too-early-to-tell",
        label="Crisantaspase after a severe reaction to pegaspargase: the older drug may supply the activity",
        doses=(
            Dose(
                days_ago=14,
                reactions=(Reaction(hours=0.4, snomed="4386001", words="Bronchospasm", severity="severe"),),
                levels=(Level(hours=168, value="0.60"),),
            ),
            Dose(
                days_ago=5,
                drug="CRISAN",
                given_iu_per_m2=25000,
                infusion_minutes=0,
                intramuscular=True,
                levels=(Level(hours=48, value="0.35", specimen="B"),),
            ),
        ),
        verdicts=(
            Verdict(exposure="adequate", mechanism="severe-reaction-activity-preserved", monitoring="complete"),
            Verdict(exposure="indeterminate", mechanism="not-assessable", monitoring="missed"),
        ),
        flags=(RaisedFlag(topic="severe-reaction", priority="P1"),),
    ),
)
