"""From samples to ratios, and from ratios to the table."""

import statistics

from rows import Growth, Saving

BEGIN = "<!-- bench: begin (made by scripts/bench --write) -->\n"
END = "<!-- bench: end -->\n"
NAMES = {"official": "official", "httpx": "bare httpx"}


def spread(values):
    """Median and quartiles."""
    low, middle, high = (
        statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    )
    return {"median": middle, "low": low, "high": high}


def results(row, samples):
    """What a row says, by whom it is compared with: the spread, the target, and whether it is met.

    Ratios are taken within a round: what slows the machine down for a while slows both down.
    """
    if isinstance(row, Saving):
        return {"ms": _judged(samples["ours"], row.targets.get("ms"))}
    return {
        other: _judged(
            [mine / theirs for mine, theirs in zip(samples["ours"], samples[other], strict=True)],
            target,
        )
        for other, target in row.targets.items()
    }


def _judged(values, target):
    found = spread(values)
    return {**found, "target": target, "met": target is None or found["median"] <= target}


def table(rows, found):
    """The table, as Markdown."""
    lines = _lines(("measure (ours ÷ theirs)", "against official", "target",
                    "against bare httpx", "target"),
                   [row for row in rows if not isinstance(row, Growth | Saving)], found,
                   ("official", "httpx"))  # fmt: skip
    lines += _lines(("growth (many ÷ few)", "ratio", "target"),
                    [row for row in rows if isinstance(row, Growth)], found, ("few",))  # fmt: skip
    lines += _lines(("saving", "ms", "target"),
                    [row for row in rows if isinstance(row, Saving)], found, ("ms",))  # fmt: skip
    return "\n".join(lines)


def write(guide, tables):
    """Put the tables between the guide's marks."""
    before, _, rest = guide.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    guide.write_text(f"{before}{BEGIN}{tables}{END}{after}", encoding="utf-8")


def _lines(head, rows, found, columns):
    if not rows:
        return []
    cells = [head, *((row.title, *_cells(found[row.name], columns)) for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(head))]
    lines = [
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in cells
    ]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:], ""]


def _cells(result, columns):
    cells = []
    for column in columns:
        if column not in result:
            cells += ["", ""]
            continue
        one = result[column]
        cells.append(f"{_short(one['median'])} ({_short(one['low'])} to {_short(one['high'])})")
        verdict = "met" if one["met"] else "MISSED"
        cells.append("" if one["target"] is None else f"≤ {one['target']:g} {verdict}")
    return cells


def _short(value):
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.2g}" if abs(value) >= 1e-4 else "0"


def missed(rows, found):
    """Sentences about the targets that were missed."""
    return [
        f"{row.title}: {_short(one['median'])} against {NAMES.get(other, other)}, "
        f"target {one['target']:g}"
        for row in rows
        for other, one in found[row.name].items()
        if not one["met"]
    ]
