"""The words of the mapping language and what each of them means: for editors, the printed mapping and the reference."""

from __future__ import annotations

TOP_KEYS = {
    "mapping": "The name of the mapping; no two files share one.",
    "version": "A whole number; raise it with every change somebody should notice.",
    "event": "The fact that is made of each row.",
    "input": "The kind of message or resource that is read.",
    "for_each": "What becomes one event each: OBX, or the reaction rows of an AllergyIntolerance.",
    "if_none": "A resource without such rows: nothing, or once for the resource itself.",
    "select": "Which rows are ours.",
    "fields": "How each field of the event is filled.",
    "not_needed": "Places that were looked at and left behind on purpose, each with the reason.",
}
INPUT_KEYS = {
    "format": "hl7v2 or fhir.",
    "messages": "Message types that are read, as in MSH-9: ORU^R01.",
    "release": "The FHIR release: R4.",
    "resource": "The type of the FHIR resource.",
}
SELECT_KEYS = {
    "code": "Where the code stands: OBX-3, or FHIRPaths.",
    "table": "The code table that says which codes are ours.",
    "near": "Words that make a code of no table a near miss: kept and reported, never dropped in silence.",
    "otherwise": "Any other code of a message that concerns us: ignore, report (warning) or reject (error, AE).",
}
FIELD_KEYS = {
    "from": "Where the value stands; of a list the first filled path wins.",
    "as": "How it is read: one reader per field.",
    "table": "The code table whose target becomes the value.",
    "type": "Where the type of a value stands (OBX-2).",
    "unit": "Where the unit of a value stands (OBX-6).",
    "join": "All that is found, put together: lines, commas or spaces; without it the first counts.",
    "default": "The value when nothing is filled.",
    "must_agree": "Filled paths that differ by more than this are a warning: 60 minutes, 2 hours, 1 day.",
    "note_source": "The event says which place the time came from; always so for a reaction.",
    "required": "An empty field is an error: always, or when FIELD is a, b.",
}
NOT_NEEDED_KEYS = {
    "path": "A segment, a field or a component; an element of FHIR.",
    "why": "The reason, for whoever asks next year.",
}
READERS = {
    "text": "The text as it was sent.",
    "key": "A number that tells one record from another, with its assigning authority.",
    "code": "A code, looked up in the table by each of its codings, in FHIR also by its text.",
    "codes": "Every code of a list, each looked up in the table.",
    "identifier": "The identifier whose assigning authority stands first in the table.",
    "reference": "A reference to another resource, or its identifier.",
    "quantity": "A number with its comparator and its unit, by the table of units.",
    "time": "A time with its own zone, that of the message or of the sender; else the interval of all zones.",
}
