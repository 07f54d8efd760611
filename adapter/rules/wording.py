"""Fixed statements for every code a finding can hold; no advice, no prognosis, no codes (rulebook 6.1)."""

from __future__ import annotations

EXPOSURE_WORDS = {
    "adequate": "adequate",
    "inadequate": "inadequate",
    "above-band": "above the band of the policy",
    "indeterminate": "exposure indeterminate",
    "no-result": "no result",
}

MECHANISM_WORDS = {
    "no-evidence-of-inactivation": "no evidence of inactivation",
    "below-target-not-inactivation": "below target, not inactivation",
    "suspected-silent-inactivation": "suspected silent inactivation",
    "confirmed-silent-inactivation": "confirmed silent inactivation",
    "suspected-neutralizing-hypersensitivity": "suspected neutralizing hypersensitivity",
    "neutralizing-hypersensitivity": "neutralizing hypersensitivity",
    "reaction-activity-preserved": "reaction with kept activity",
    "severe-reaction-activity-preserved": "severe reaction with kept activity",
    "reaction-unresolved": "reaction not resolved by a level",
    "not-assessable": "mechanism not assessable",
}

MECHANISM_TEXT = {
    "no-evidence-of-inactivation": "There is no evidence of inactivation so far:",
    "below-target-not-inactivation": "The level is below target and is not read as inactivation:",
    "suspected-silent-inactivation": "This meets the first-sample criterion for suspected silent inactivation:",
    "confirmed-silent-inactivation": "This meets the criterion for confirmed silent inactivation:",
    "suspected-neutralizing-hypersensitivity": "This meets the criterion for suspected neutralizing hypersensitivity:",
    "neutralizing-hypersensitivity": "This meets the criterion for neutralizing hypersensitivity:",
    "reaction-activity-preserved": "A reaction is recorded and the activity is kept:",
    "severe-reaction-activity-preserved": (
        "A severe reaction is recorded; the kept activity does not make it less severe:"
    ),
    "reaction-unresolved": "A reaction is recorded and no level settles whether the activity is kept:",
    "not-assessable": "The mechanism cannot be assessed:",
}

RULE_TEXT = {
    "D0": "no rule applies with certainty",
    "D1": "no dose was given",
    "D2": "the record does not say which asparaginase was given",
    "D3": "the level cannot be used before its data are checked",
    "D3b": "nothing measurable within 24 h of a full intravenous dose and a reaction; provisional until a later one",
    "D3c": "the level is low at a time that allows no reading",
    "D3d": "the only level is later than the last time a low level can be read",
    "D4": "full dose, reaction, and loss of activity",
    "D4a": "full dose, unconfirmed reaction record, and loss of activity",
    "D4b": "full dose, reaction, and a low but detectable level at a time when normal decline could explain it",
    "D5": "part of the dose only, reaction, and loss of activity",
    "D6": "too small or unknown a part of the dose, reaction, and loss of activity",
    "D8": "severe reaction, activity reached the threshold",
    "D9": "reaction of grade 1-2 or not graded, activity reached the threshold",
    "D10": "the activity was present, but before the first sampling window",
    "D11": "no level is known, so whether activity was kept is open",
    "D12": "full dose, no linked reaction, and loss of activity that normal decline does not explain",
    "D13": "a second independent sample shows loss of activity",
    "D14": "detectable, below the threshold in the sampling window: short coverage or fast clearance",
    "D15": "a low level after a partial dose, or one of unknown amount, does not by itself show inactivation",
    "D16": "the threshold was reached in the sampling window or later",
    "D17": "the threshold was reached before the first sampling window; that does not promise it for the window",
    "D18": "detectable, below the threshold outside the sampling windows, where normal decline may explain it",
    "D18b": "later than the last time a low level can be read: expected decline",
    "D19": "no level is known so far",
    "D20": "no level is known and the sampling window has passed",
    "E1": "the activity target was met about 48 h after the dose",
    "E2": "detectable, below the target by about 48 h after the dose: dose, interval or route may explain it",
    "E3": "full dose, no linked reaction, and a level below quantification by about 48 h after the dose",
    "E4": "the activity target was met about 72 h after the dose, and so at 48 h",
    "E5": "below the target about 72 h after the dose, too late to tell a gap in coverage from a loss of activity",
    "E6": "below quantification about 72 h after the dose, too late to tell a gap in coverage from a loss of activity",
    "Q2": "the sample gave no value",
    "Q3": "the result is preliminary",
    "Q10": "measurable activity without a known dose",
}

RULE_TEXT_UNQUANTIFIED = {
    "D4b": "full dose, reaction, and a level below an upper limit only, at a time when normal decline could explain it",
    "D14": "below the threshold in the sampling window, whether detectable is not known",
    "D18": "below the threshold outside the sampling windows, where normal decline may explain it",
    "E2": "below the target by about 48 h after the dose, whether detectable is not known",
}
"""The same rules for a level that may or may not be detectable (`<0.05`)."""

MONITORING_TEXT = {
    "not-due": "The first sampling window is not open yet.",
    "due": "The sampling window is open.",
    "sample-overdue": "The first sampling window has passed without a level that settles the exposure.",
    "result-overdue": "A sample was collected and its final result is overdue.",
    "missed": "No level that settles the exposure is known for this dose, and its sampling windows have passed.",
    "complete": "Monitoring of this dose is complete.",
    "confirmation-due": "A confirming sample is awaited, on this dose or on the next of its family.",
}

MODIFIER_TEXT = {
    "near-threshold": "The value is within the day-to-day variation of the assay around the threshold.",
    "unquantified-below": "The laboratory gave an upper limit only, not a value below its quantification limit.",
    "early": "A sample was taken before the first sampling window.",
    "late": "A sample was taken outside the sampling windows, after the time of early lows.",
    "partial-dose": "The dose was not given in full, or how much was given is not known.",
    "dose-unknown": "How much of the dose was given is not known.",
    "premedicated": "Premedication was given before the dose; it can hide symptoms, not a loss of activity.",
    "systemic-steroid": "A steroid given as leukaemia treatment can hide symptoms in the same way.",
    "cross-family-residual": "An earlier dose of another family may still contribute to the activity.",
    "same-family-carryover": "An earlier dose of the same family is near, so either dose may supply the activity.",
    "discordant": "Two levels of this dose contradict each other; tube and dose records need a check.",
    "unit-suspect": "The unit or the size of the number is implausible and needs a check.",
    "unit-missing": "The laboratory sent no unit.",
    "sample-time-missing": "The collection time is missing.",
    "date-only": "A time is known by its date only.",
    "same-day-ambiguous": "Sample and dose fall on one day and their order is not known.",
    "preliminary": "A result is preliminary.",
    "corrected": "A result was corrected by the laboratory.",
    "specimen-quality": "A specimen gave no result because of its quality.",
    "grade-mapped": "The grade of the reaction was derived, not sent.",
    "product-ambiguous": "The record does not say which asparaginase was given.",
    "method-bias": "The method reads higher than others near the threshold.",
    "prior-inactivation": "Re-exposure: inactivation or neutralizing hypersensitivity was read for an earlier dose.",
    "first-dose": "This is the first known dose of its family.",
    "value-unreadable": "A value could not be read.",
    "unit-assumed": "The unit was assumed from the configuration of the sender.",
    "zone-assumed": "A time zone was assumed from the configuration of the sender.",
    "no-dose-known": "No asparaginase dose is known for the sample.",
    "reaction-unconfirmed": "A reaction record is unconfirmed, dated by its recording only, or not tied to the dose.",
    "reaction-refuted": "The allergy was refuted; the recorded event itself is kept.",
}
