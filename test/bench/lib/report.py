"""The table, its short form for the README, and the reasons of what is missed."""
import os
import textwrap

from goals import CURVES, ROWS, best

PEERS = (("cnode", "cnode"), ("cnode_1", "cnode/1"), ("beam", "BEAM 25"), ("beam29", "BEAM 29"), ("libei", "libei"), ("caf", "CAF"), ("raw", "raw"))
NAMES = dict(PEERS)
BEGIN, END = "<!-- speed: written by test/bench/run -->", "<!-- end of speed -->"


def number(value):
    if value is None:
        return "-"
    if value >= 1000:
        return "{:,.0f}".format(value)
    return "%.1f" % value if value >= 10 else "%.2f" % value if value >= 0.1 else "%.3f" % value if value >= 0.001 else "%.1g" % value


def shown_rows(figures):
    """Headings and rows that have a figure of ours; a heading only with one of its rows."""
    section = []
    for row in ROWS:
        if isinstance(row, str):
            section = [row]
        elif figures.value(row, "cnode") is not None:
            yield from section
            section = []
            yield row


def table(figures, results, heading, reasons):
    lines = heading + ["", "%-48s %6s " % ("", "") + " ".join("%10s" % name for _, name in PEERS) + "  %8s %8s  " % ("ratio", "goal")]
    missed = []
    for row in shown_rows(figures):
        if isinstance(row, str):
            lines += ["", row]
            continue
        met = figures.met(row)
        lines.append("%-48s %6s " % (row.label, row.unit) + " ".join("%10s" % number(figures.value(row, who)) for who, _ in PEERS) +
                     "  %8s %8s  %s" % (number(figures.ratio(row)), row.goal_text, "" if met is None else "met" if met else "NOT MET"))
        if met is False:
            missed.append(row)
    lines += ["", "Ratio: ours / theirs; of the codec theirs / ours; where the goal has a unit, ours. cnode is the node as it starts, cnode/1 the same with",
              "--schedulers 1, for the record. BEAM 25 is `+S 1:1`, with or without busy wait, whichever was better (of hot code: as it starts). Each",
              "figure is the best of its rounds, in which all took turns."]
    for key, text, x_name, unit in CURVES:
        curve = results.curves.get(key)
        if not curve:
            continue
        xs = sorted({x for points in curve.values() for x in points})
        lines += ["", "%s (%s)" % (text, unit), "  %-14s" % x_name + "".join("%14s" % "{:,}".format(x) for x in xs)]
        for who, points in curve.items():
            lines.append("  %-14s" % NAMES[who] + "".join("%14s" % number(best(points[x], not unit.endswith("/s")) if x in points else None) for x in xs))
    why = {row.key: reasons.get(row.key) or reasons.get(row.figure) for row in missed}
    if missed:
        lines += ["", "Not met, and why (results/reasons.md; the profile of a row: test/bench/profile NAME)"]
    told = {}  # rows with one reason share it
    for row in missed:
        if why[row.key]:
            told.setdefault("\n".join(why[row.key]), []).append("%s: %s" % (row.key, row.label))
    for reason, labels in told.items():
        lines += labels + ["    " + line for line in reason.splitlines()]
    silent = [key for key in why if not why[key]]
    if silent:
        lines += textwrap.wrap("No reason is given for " + ", ".join(silent), 140, subsequent_indent="    ", break_on_hyphens=False)
    if results.notes:
        lines += [""] + ["Note: " + n for n in results.notes]
    return "\n".join(lines) + "\n", missed


def read_reasons(path):
    """`## NAME [NAME...]` and below it, up to the next heading, why these rows are not met."""
    reasons, names, text = {}, [], []
    lines = open(path).read().splitlines() if os.path.exists(path) else []
    for line in lines + ["## "]:
        if line.startswith("## "):
            while text and not text[-1].strip():
                text.pop()
            for name in names:
                reasons[name] = [t for t in text if t.strip()]
            names, text = line[3:].split(), []
        elif text or line.strip():
            text.append(line)
    return reasons


def short(figures, results, heading):
    """Markdown: the rows with goals, without each of the codec's small terms."""
    lines = [heading + " Each figure is the best of interleaved rounds; the ratio is ours to theirs, of the codec theirs to ours.", "",
             "| figure | cnode | BEAM 25 or peer | ratio | goal | |", "|---|---:|---:|---:|---:|---|"]
    for row in shown_rows(figures):
        if isinstance(row, str):
            lines.append("| **%s** | | | | | |" % row)
        elif row.is_short:
            theirs = figures.value(row, row.against)
            peer = number(theirs) + ("" if row.against == "beam" or theirs is None else " " + NAMES[row.against])
            ratio = "" if row.ratio is None else number(figures.ratio(row))
            goal = row.goal_text + (" " + row.unit if row.ratio is None else "")
            met = figures.met(row)
            lines.append("| %s | %s %s | %s | %s | %s | %s |" % (row.label, number(figures.value(row, "cnode")), row.unit, peer, ratio, goal,
                                                              "" if met is None else "met" if met else "not met"))
    return "\n".join(lines) + "\n"


def rewrite_readme(readme, text):
    """Puts the short table between the two comments. False: they are not there."""
    with open(readme) as f:
        whole = f.read()
    before, begin, rest = whole.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        return False
    with open(readme, "w") as f:
        f.write(before + begin + "\n" + text.strip() + "\n" + end + after)
    return True
