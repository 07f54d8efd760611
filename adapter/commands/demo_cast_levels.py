"""Scripted patients of the demo hospital without a reaction whose level leads to a conclusion."""

from __future__ import annotations

from adapter.commands.demo_story import Dose, Level, Premedication, RaisedFlag, Story, Verdict

ADEQUATE = Verdict(exposure="adequate", mechanism="no-evidence-of-inactivation", monitoring="complete")
WITHOUT_LEVEL = Verdict(exposure="no-result", mechanism="not-assessable", monitoring="sample-overdue")
SUSPECTED = Verdict(exposure="inadequate", mechanism="suspected-silent-inactivation", monitoring="confirmation-due")
OVERDUE = RaisedFlag(topic="tdm-overdue", priority="P2")
INACTIVATION = RaisedFlag(topic="inactivation", priority="P1")
REVERSED = RaisedFlag(topic="conclusion-reversed", priority="P1")
PREMEDICATED = (Premedication(drug="HYDROC", hours_before=0.5), Premedication(drug="CHLORPH", hours_before=0.5))

ON_TARGET = (
    Story(
        slug="adequate-day-7",
        label="Adequate on day 7",
        doses=(Dose(days_ago=9, levels=(Level(hours=167.5, value="0.62"),)),),
        verdicts=(ADEQUATE,),
    ),
    Story(
        slug="adequate-premedicated",
        label="Adequate on day 7, premedicated; preliminary first",
        doses=(
            Dose(
                days_ago=10,
                premedication=PREMEDICATED,
                levels=(
                    Level(hours=166, value="0.8", status="P", reported_after_h=10),
                    Level(hours=166, value="0.81", delivery="same-bytes-twice"),
                ),
            ),
        ),
        verdicts=(ADEQUATE,),
    ),
    Story(
        slug="adequate-per-litre",
        label="Adequate, reported per litre, near the threshold",
        doses=(
            Dose(
                days_ago=9,
                levels=(Level(hours=170, value="100", unit="IU/L", delivery="again-with-new-control-id"),),
            ),
        ),
        verdicts=(ADEQUATE,),
    ),
    Story(
        slug="adequate-late",
        label="Adequate on day 10 (late good)",
        doses=(Dose(days_ago=12, levels=(Level(hours=240, value="0.12"),)),),
        verdicts=(ADEQUATE,),
    ),
    Story(
        slug="above-range",
        label="Above the measuring range",
        doses=(Dose(days_ago=9, levels=(Level(hours=168, value=">^1.0", value_type="SN"),)),),
        verdicts=(ADEQUATE,),
    ),
    Story(
        slug="decimal-comma",
        label="Decimal comma, specimen before result, two tubes of one course",
        doses=(
            Dose(
                days_ago=16,
                levels=(
                    Level(hours=165, value="0,62", value_type="ST", shape="specimen-first"),
                    Level(hours=334, value="0.24", specimen="B", shape="five-encoding-characters"),
                ),
            ),
        ),
        verdicts=(ADEQUATE,),
    ),
    Story(
        slug="dose-arrives-late",
        label="Level first, dose record after it",
        doses=(Dose(days_ago=9, after_feed=True, levels=(Level(hours=167, value="0.55", shape="latin-1"),)),),
        verdicts=(ADEQUATE,),
        closed_topics=("data-check",),
    ),
    Story(
        slug="status-repaired",
        label="Result status outside the table, sent again repaired",
        doses=(
            Dose(
                days_ago=9,
                levels=(
                    Level(hours=168, value="0.44", status="Q", answer="AE"),
                    Level(hours=168, value="0.44", reported_after_h=28),
                ),
            ),
        ),
        verdicts=(ADEQUATE,),
    ),
    Story(
        slug="correction-before-original",
        label="Correction arrives before the result it corrects",
        doses=(
            Dose(
                days_ago=9,
                levels=(
                    Level(hours=168, value="0.33", status="C", reported_after_h=30),
                    Level(hours=168, value="<^0.03", value_type="SN", reported_after_h=20),
                ),
            ),
        ),
        verdicts=(ADEQUATE,),
    ),
)

BELOW_TARGET = (
    Story(
        slug="suspected-silent-inactivation",
        label="Suspected silent inactivation",
        doses=(Dose(days_ago=9, levels=(Level(hours=168, value="<^0.03", value_type="SN"),)),),
        verdicts=(SUSPECTED,),
        flags=(INACTIVATION,),
    ),
    Story(
        slug="suspected-premedicated",
        label="Suspected silent inactivation, premedicated",
        doses=(
            Dose(
                days_ago=9,
                premedication=PREMEDICATED,
                levels=(Level(hours=167, value="0.03", laboratory_flag="<", shape="lf-line-ends"),),
            ),
        ),
        verdicts=(SUSPECTED,),
        flags=(INACTIVATION,),
    ),
    Story(
        slug="early-low",
        label="Low already on day 3",
        doses=(Dose(days_ago=5, levels=(Level(hours=72, value="0.05"),)),),
        verdicts=(SUSPECTED,),
        flags=(INACTIVATION,),
    ),
    Story(
        slug="confirmed-same-dose",
        label="Silent inactivation, confirmed on day 14",
        doses=(
            Dose(
                days_ago=16,
                levels=(
                    Level(hours=168, value="<^0.03", value_type="SN"),
                    Level(hours=332, value="<^0.03", value_type="SN", specimen="B"),
                ),
            ),
        ),
        verdicts=(Verdict(exposure="inadequate", mechanism="confirmed-silent-inactivation", monitoring="complete"),),
        flags=(INACTIVATION,),
    ),
    Story(
        slug="confirmed-next-dose",
        label="Silent inactivation, confirmed on the next dose",
        doses=(
            Dose(days_ago=24, levels=(Level(hours=168, value="<^0.03", value_type="SN"),)),
            Dose(days_ago=10, levels=(Level(hours=168, value="<^0.03", value_type="SN", specimen="B"),)),
        ),
        verdicts=(
            Verdict(exposure="inadequate", mechanism="suspected-silent-inactivation"),
            Verdict(exposure="inadequate", mechanism="confirmed-silent-inactivation", monitoring="complete"),
        ),
        flags=(INACTIVATION,),
    ),
    Story(
        slug="day-14-only",
        label="Low but detectable on day 14",
        doses=(Dose(days_ago=16, levels=(Level(hours=332, value="0.06", shape="version-2.3"),)),),
        verdicts=(Verdict(exposure="inadequate", mechanism="below-target-not-inactivation", monitoring="complete"),),
        flags=(RaisedFlag(topic="below-target", priority="P2"),),
    ),
    Story(
        slug="late-low",
        label="Low but detectable on day 10",
        doses=(Dose(days_ago=12, levels=(Level(hours=240, value="0.06"),)),),
        verdicts=(
            Verdict(exposure="indeterminate", mechanism="below-target-not-inactivation", monitoring="sample-overdue"),
        ),
        flags=(OVERDUE,),
    ),
    Story(
        slug="corrected",
        label="Low level corrected to a good one",
        doses=(
            Dose(
                days_ago=9,
                levels=(
                    Level(hours=165, value="<^0.03", value_type="SN", reported_after_h=20),
                    Level(hours=165, value="0.30", status="C", reported_after_h=30),
                ),
            ),
        ),
        verdicts=(ADEQUATE,),
        flags=(REVERSED,),
        closed_topics=("inactivation",),
    ),
    Story(
        slug="withdrawn",
        label="Low level withdrawn by the laboratory",
        doses=(
            Dose(
                days_ago=9,
                levels=(
                    Level(hours=165, value="<^0.03", value_type="SN", reported_after_h=20),
                    Level(hours=165, value="<^0.03", value_type="SN", status="W", reported_after_h=30),
                ),
            ),
        ),
        verdicts=(WITHOUT_LEVEL,),
        flags=(OVERDUE, REVERSED),
        closed_topics=("inactivation",),
    ),
)
