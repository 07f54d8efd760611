"""`troughline bench`: one run with one verdict, what fails it, and what it leaves out by name."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from made_measurements import measured

from adapter.cli import _parser, main
from adapter.commands import bench_delivery, bench_growth, bench_slow_disk, bench_whole, bench_wire
from adapter.commands.bench_delivery import Delivered, Delivery
from adapter.commands.bench_delivery_ways import Pace as DeliveryPace
from adapter.commands.bench_filter import FilterCost
from adapter.commands.bench_growth import Growth, StoreCost
from adapter.commands.bench_limits import Limits
from adapter.commands.bench_machine import file_system, libraries, machine_with
from adapter.commands.bench_measuring import LONG, tenths
from adapter.commands.bench_plain import Pace, Syncs
from adapter.commands.bench_replay import Pace as ArchivePace
from adapter.commands.bench_replay import Replay
from adapter.commands.bench_rules_growth import SizeCost
from adapter.commands.bench_service import meanwhile
from adapter.commands.bench_slow_disk import SlowDisk, slow_service
from adapter.commands.bench_validated import Validated
from adapter.commands.bench_whole import Whole
from adapter.commands.bench_wire import Wire
from adapter.commands.bench_wire_runs import LoadBroke, Run

MEASURED = measured(1000)
RUN = Run(
    name="run",
    measured=MEASURED,
    whole_s=1.0,
    cpu_us={"intake": 10.0, "core": 20.0},
    resident_mib={"intake": 60.0, "core": 90.0},
)
SYNCS, COMMITS = Syncs(p50_us=50.0, p99_us=50.0, per_s=20_000.0, spread=0.1), Pace(per_s=20.0, cpu_us=20.0)
WIRE = Wire(
    limits=Limits(
        syncs=SYNCS,
        echo=(replace(MEASURED, seconds=0.5, p99_us=50.0),) * 2,
        echo_costs_us=(10.0, 10.0),
        naive=Pace(per_s=1.0, cpu_us=300.0),
        naive_unfiltered=Pace(per_s=1.0, cpu_us=900.0),
        commits=COMMITS,
    ),
    runs={name: [RUN] for name in ("unfiltered", "kept", "relevant", "target up", "target down")},
    validation=Validated(messages=10, resources=40, valid=40, seconds=0.01, cpu_s=0.003),
    filtering=FilterCost(few_us_per_kb=3.0, many_us_per_kb=3.0),
    kept=40,
    to_keep=40,
)
DELIVERY_PACE = DeliveryPace(patients=100, resources=400, seconds=1.0, cpu_s=0.4)
DELIVERED = Delivered(workers=1, at_once=50, delay_ms=0.0, pace=DELIVERY_PACE, right=True)
WHOLE = Whole(
    machine=machine_with(Path()),
    wire=WIRE,
    slow_disk=SlowDisk(syncs=SYNCS, commits=COMMITS, many=[RUN], one=[RUN], echoed=MEASURED, kept=1000, to_keep=1000),
    left_out={},
    interpretation=[
        SizeCost(
            events=5,
            resolve_us=10.0,
            verdicts_us=40.0,
            words_us=50.0,
            sorted_us=1.0,
            each_with_each_us=2.0,
            models_us=80.0,
        )
    ],
    growth=Growth(
        stores=[
            StoreCost(size=10, us=1000.0, clock_us=2000.0, store_mib=1.0),
            StoreCost(size=100, us=1200.0, clock_us=2400.0, store_mib=9.0),
        ],
        peak_mib={"intake": 60.0, "core": 90.0},
    ),
    replay=Replay(
        messages=100,
        relevant=2,
        filtering=ArchivePace(seconds=1.0, cpu_s=1.0),
        replay=ArchivePace(seconds=2.0, cpu_s=3.0),
        live_digest="a",
        replayed_digest="a",
    ),
    delivery=Delivery(
        delivered=[
            *(replace(DELIVERED, workers=workers, at_once=at_once) for workers in (1, 4) for at_once in (1, 50)),
            replace(DELIVERED, delay_ms=20.0, pace=replace(DELIVERY_PACE, seconds=10.0)),
            replace(DELIVERED, delay_ms=20.0, workers=4, pace=replace(DELIVERY_PACE, seconds=4.0)),
        ],
        bare={1: replace(DELIVERY_PACE, seconds=0.25, cpu_s=0.1), 4: DELIVERY_PACE},
        naive=replace(DELIVERY_PACE, cpu_s=0.8),
    ),
    seconds=12.3,
)
GOALS = (
    *("P0", "P1", "P1n", "P2", "P3", "P4", "P4d", "P4v", "P5", "P5d", "P5o", "P6", "P6g", "P7", "P7m", "P8", "P8d"),
    *("P9", "P9p", "D0", "D1", "D2", "D3"),
)
PARTS = (
    *(
        "schema",
        "bench",
        "extent",
        "seed",
        "connections",
        "machine",
        "limits",
        "runs",
        "validation",
        "slow_disk",
        "left_out",
    ),
    *("filter", "interpretation", "growth", "replay", "delivery", "seconds", "gated", "verdict"),
)
GATED = {
    "unfiltered feed, processor time / echo": 3.0,
    "every message kept, processor time / echo": 3.0,
    "target down, processor time / echo": 3.0,
    "all relevant, processor time / plain way": 0.1,
    "validating every output, processor time / plain way": 1.0,
    "filter of a KB / echo of a message": 0.3,
    "filter, 5,000 codes / 5 codes": 1.0,
    "5 events, interpretation / FHIR models": 1.25,
    "a message in the largest store / in the smallest": 1.2,
    "reading an archive again / filtering it": 3.0,
    **{
        f"delivery, {threads} threads, {at_once} at once, processor time / bare posts": 4.0
        for threads in (1, 4)
        for at_once in (1, 50)
    },
    "delivery, processor time / the plain way": 0.5,
}
FULL = bench_whole.EXTENTS["full"]
TINY = bench_whole.Extent(
    wire=bench_wire.Extent(unfiltered=200, kept=40, relevant=10, naive=4, rounds=1, syncs=20),
    slow_disk=bench_slow_disk.Extent(kept=70, unfiltered=60, commits=5, rounds=1, syncs=4),
    growth=bench_growth.Extent(sizes=(20, 40), rounds=2, sent=60),
    replay=60,
    delivery=bench_delivery.Extent(patients=2, slow_patients=2, naive_patients=1),
    events=(5,),
)


@pytest.fixture
def finding(monkeypatch):
    """What a run finds, without measuring it."""

    def found(whole=WHOLE, **changed):
        monkeypatch.setattr(bench_whole, "measured", lambda *_: replace(whole, **changed))

    found()
    return found


def told(capsys, *words):
    code = main(["bench", *map(str, words), "--json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("finding")
def test_the_document_holds_every_part_in_order_and_a_verdict_on_every_goal(capsys):
    code, document = told(capsys)
    assert code == 0
    assert tuple(document) == PARTS
    assert (document["bench"], document["extent"], document["left_out"]) == ("whole", "quick", [])
    assert tuple(row["id"] for row in document["verdict"]) == GOALS
    assert all(list(row) == ["id", "goal", "measured", "pass"] for row in document["verdict"])
    assert document["gated"] == pytest.approx(GATED)


@pytest.mark.parametrize(
    "changed",
    [
        {"wire": replace(WIRE, kept=39)},
        {"wire": replace(WIRE, validation=replace(WIRE.validation, valid=39))},
        {"slow_disk": replace(WHOLE.slow_disk, kept=999)},
        {"replay": replace(WHOLE.replay, replayed_digest="b")},
        {
            "delivery": replace(
                WHOLE.delivery, delivered=[replace(DELIVERED, right=False), *WHOLE.delivery.delivered[1:]]
            )
        },
    ],
)
def test_a_wrong_result_of_any_part_fails_the_run(finding, capsys, changed):
    finding(**changed)
    code, document = told(capsys)
    assert code == 1
    assert len([row for row in document["verdict"] if not row["pass"]]) == 1


def test_a_missed_ratio_fails_only_strictly(finding, capsys):
    finding(growth=replace(WHOLE.growth, peak_mib={"core": 151.0}))
    assert told(capsys)[0] == 0
    assert told(capsys, "--strict")[0] == 1


def test_a_run_is_kept_and_a_later_one_compared_with_it(finding, capsys, tmp_path):
    path = tmp_path / "before.json"
    assert told(capsys, "--save", path)[0] == 0
    assert told(capsys, "--gate", path)[0] == 0
    finding(replay=replace(WHOLE.replay, replay=ArchivePace(seconds=2.0, cpu_s=3.76)))
    code, document = told(capsys, "--gate", path)
    assert code == 1
    assert [row["name"] for row in document["compared"] if row["worse"]] == ["reading an archive again / filtering it"]


@pytest.mark.usefixtures("finding")
def test_a_full_run_is_not_compared_with_a_quick_one(capsys, tmp_path):
    path = tmp_path / "before.json"
    assert told(capsys, "--save", path)[0] == 0
    assert main(["bench", "--full", "--gate", str(path)]) == 2
    assert "this one is of whole (full): their ratios do not compare" in capsys.readouterr().err


def test_what_cannot_be_measured_here_is_left_out_by_name_with_the_reason(finding, capsys):
    finding(slow_disk=None, left_out={"P5": "there is no C compiler"})
    code, document = told(capsys)
    assert (code, document["slow_disk"]) == (0, None)
    assert document["left_out"] == [{"id": "P5", "reason": "there is no C compiler"}]
    assert [row["id"] for row in document["verdict"]] == [goal for goal in GOALS if not goal.startswith("P5")]
    assert main(["bench"]) == 0
    assert "\nP5  left out: there is no C compiler\n" in capsys.readouterr().out


def test_a_disk_that_cannot_be_made_slow_is_left_out(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with meanwhile(partial(slow_service, tmp_path)) as running:
        slow, left_out = bench_whole._slow_disk(tmp_path, running, TINY, 20)
    assert slow is None
    assert left_out == {"P5": "there is no C compiler (gcc, cc) to build the delay with"}


@pytest.mark.usefixtures("finding")
def test_for_a_person_it_prints_every_part_in_one_order(capsys):
    assert main(["bench"]) == 0
    lines = capsys.readouterr().out.splitlines()
    begins = [
        "quick run",
        "Python",
        "limits:",
        "plain ways:",
        "run ",
        "unfiltered",
        "validation:",
        "slow disk:",
        "filter:",
    ]
    begins += ["interpretation", "growth:", "replay:", "delivery:", "P0", "P9p", "D3"]
    places = [next(n for n, line in enumerate(lines) if line.startswith(begin)) for begin in begins]
    assert places == sorted(places)
    assert len(lines) == places[-1] + 1
    assert "state digest equal: yes" in lines[places[-5]]


def test_a_run_that_breaks_off_says_so(monkeypatch, capsys):
    def broken(*_):
        raise LoadBroke("the listener closed a connection")

    monkeypatch.setattr(bench_whole, "measured", broken)
    assert main(["bench"]) == 2
    assert capsys.readouterr().err == "The bench broke off (LoadBroke): the listener closed a connection\n"


def test_an_option_before_the_name_of_a_bench_is_not_lost():
    options = _parser().parse_args(["bench", "--json", "--seed", "7", "wire", "--quick"])
    assert (options.bench, options.json, options.seed, options.quick, options.strict) == ("wire", True, 7, True, False)


@pytest.mark.parametrize("extent", ["--quick", "--full", "--nightly"])
def test_an_extent_before_the_name_of_a_bench_is_refused(extent, capsys):
    assert main(["bench", extent, "rules"]) == 2
    assert capsys.readouterr().err == (
        f"{extent} before rules has no meaning; see bench rules --help for its options.\n"
    )


def test_every_extent_can_be_chosen_and_grows():
    extents = [bench_whole.EXTENTS[name] for name in ("quick", "full", "nightly")]
    assert [one.replay for one in extents] == [2_000, 100_000, 1_000_000]
    assert [one.growth.sizes[-1] for one in extents] == [3_000, 100_000, 1_000_000]


@pytest.mark.parametrize("sizes", [(500, 501), (10_000, 100_000, 1_000_000)])
def test_sizes_of_stores_may_be_said_and_a_run_of_others_is_no_baseline(monkeypatch, capsys, tmp_path, sizes):
    given = []
    monkeypatch.setattr(bench_whole, "measured", lambda _, extent, *__: given.append(extent) or WHOLE)
    words = ["--full", "--growth", ",".join(map(str, sizes))]
    code, document = told(capsys, *words, "--save", tmp_path / "run.json")
    assert (code, document["extent"]) == (0, f"full, growth {words[-1]}")
    assert given == [replace(FULL, growth=replace(FULL.growth, sizes=sizes))]
    assert told(capsys, *words, "--gate", tmp_path / "run.json")[0] == 0
    assert main(["bench", "--full", "--gate", str(tmp_path / "run.json")]) == 2
    assert "their ratios do not compare" in capsys.readouterr().err


@pytest.mark.parametrize(
    "sizes", ["", "500", "500,", "500,500", "600,500", "499,600", "500,6e3", "500,-600", "500 600"]
)
def test_sizes_that_cannot_be_compared_are_refused(sizes, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["bench", "--growth", sizes])
    assert ended.value.code == 2
    assert "argument --growth:" in capsys.readouterr().err


def test_of_what_takes_long_every_tenth_is_told_once(capsys):
    more = tenths("patients stored", LONG)
    for _ in range(20):
        more(LONG // 20)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" after ")[0] for line in lines] == [
        f"patients stored: {share * 10_000:,} of 100,000" for share in range(1, 11)
    ]


def test_of_what_is_soon_done_nothing_is_told(capsys):
    more = tenths("patients stored", LONG - 1)
    more(LONG - 1)
    assert capsys.readouterr().err == ""


MOUNTS = "disk / ext4 rw 0 0\nnone /a tmpfs rw 0 0\nnone /a\\040b/c xfs rw 0 0\nnone /a btrfs rw 0 0\n"


@pytest.mark.parametrize(
    ("folder", "kind"), [("/", "ext4"), ("/ab", "ext4"), ("/a/x", "btrfs"), ("/a b/c/d", "xfs"), ("/a b", "ext4")]
)
def test_the_file_system_of_a_folder_is_that_of_the_innermost_mount(folder, kind):
    assert file_system(Path(folder), MOUNTS) == kind


def test_a_folder_on_no_known_mount_has_an_unknown_file_system():
    assert file_system(Path("/b"), "none /a tmpfs rw 0 0\n") == "unknown"


def test_the_machine_is_told_with_what_figures_depend_on():
    assert {"SQLAlchemy", "msgspec", "fhir.resources"} <= libraries().keys()
    assert WHOLE.machine.keys() == {"python", "processors", "load", "sqlite", "libraries", "file_system"}


@pytest.mark.slow
@pytest.mark.loopback
@pytest.mark.timeout(120)
def test_a_small_run_measures_everything_and_finds_nothing_wrong(monkeypatch, capsys):
    monkeypatch.setattr(bench_whole, "EXTENTS", {"quick": TINY})
    code, document = told(capsys)
    assert code == 0
    wanted = [goal for goal in GOALS if document["slow_disk"] or not goal.startswith("P5")]
    assert [row["id"] for row in document["verdict"]] == wanted
    assert document["replay"]["messages"] == 60
    assert document["replay"]["equal"]
    assert document["gated"].keys() == GATED.keys()
    assert min(document["gated"].values()) > 0
