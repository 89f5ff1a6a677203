"""The table and the plot."""
from math import log10

from goals import CURVES, ROWS, best

PEERS = (("beam", "BEAM 25"), ("beam29", "BEAM 29"), ("libei", "libei"), ("caf", "CAF"), ("raw", "raw"))


def number(value):
    if value is None:
        return "-"
    if value >= 1000:
        return "{:,.0f}".format(value)
    return "%.1f" % value if value >= 10 else "%.2f" % value if value >= 0.1 else "%.3f" % value


def table(figures, results, heading):
    lines = heading + ["", "%-48s %6s %10s " % ("", "", "cnode") + " ".join("%10s" % name for _, name in PEERS) + "  %8s %8s  " % ("ratio", "goal")]
    missed, section = [], []
    for row in ROWS:
        if isinstance(row, str):
            section = ["", row]
            continue
        if figures.value(row, "cnode") is None:
            continue
        lines += section
        section = []
        ratio, met = figures.ratio(row), figures.met(row)
        goal = "" if row.goal is None else ("<= " if row.at_most else ">= ") + ("%g" % row.goal)
        lines.append("%-48s %6s %10s " % (row.text + (" (CAF)" if row.against == "caf" else " (libei)" if row.ratio == "times" and row.against == "libei" else ""),
                                          row.unit, number(figures.value(row, "cnode"))) +
                     " ".join("%10s" % number(figures.value(row, who)) for who, _ in PEERS) +
                     "  %8s %8s  %s" % (number(ratio), goal, "" if met is None else "met" if met else "NOT MET"))
        if met is False:
            missed.append(row)
    lines += ["", "Ratio: ours / theirs; of the codec theirs / ours; where the goal has a unit, ours. BEAM 25 is `+S 1:1`, with or without busy wait, whichever",
              "was better. Each figure is the best of its rounds, in which all took turns."]
    for key, text, x_name, unit in CURVES:
        curve = results.curves.get(key)
        if not curve:
            continue
        xs = sorted({x for points in curve.values() for x in points})
        lines += ["", "%s (%s)" % (text, unit), "  %-14s" % x_name + "".join("%12s" % "{:,}".format(x) for x in xs)]
        for who, points in curve.items():
            lines.append("  %-14s" % who + "".join("%12s" % number(best(points[x], not unit.endswith("/s")) if x in points else None) for x in xs))
    lines += [""] + ["Note: " + n for n in results.notes]
    return "\n".join(lines) + "\n", missed


COLOURS = {"cnode": "#0060c0", "beam": "#b03020", "beam29": "#d08020"}


def plot(results):
    """The curves as one SVG, both axes logarithmic."""
    drawn = [c for c in CURVES if c[0] in results.curves]
    width, height, columns = 420, 280, 2
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="11">' %
           (width * columns, height * ((len(drawn) + 1) // columns)), '<rect width="100%" height="100%" fill="white"/>']
    for i, (key, text, x_name, unit) in enumerate(drawn):
        curve = {who: {x: best(v, not unit.endswith("/s")) for x, v in points.items()} for who, points in results.curves[key].items()}
        left, top = (i % columns) * width + 60, (i // columns) * height + 30
        w, h = width - 90, height - 80
        xs = [x for p in curve.values() for x in p]
        ys = [y for p in curve.values() for y in p.values() if y > 0]
        if not ys:
            continue
        x0, x1 = log10(min(xs)), max(log10(max(xs)), log10(min(xs)) + 1)
        y0, y1 = int(log10(min(ys)) // 1), int(-(-log10(max(ys)) // 1))
        y1 = max(y1, y0 + 1)
        at = lambda x, y: (left + (log10(x) - x0) / (x1 - x0) * w, top + h - (log10(y) - y0) / (y1 - y0) * h)
        out.append('<text x="%d" y="%d" font-weight="bold">%s</text>' % (left, top - 10, text))
        out.append('<rect x="%d" y="%d" width="%d" height="%d" fill="none" stroke="#888"/>' % (left, top, w, h))
        for e in range(y0, y1 + 1):
            _, y = at(min(xs), 10.0 ** e)
            out.append('<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%g</text>' % (left, left + w, y, y, left - 4, y + 4, 10.0 ** e))
        for e in range(int(x0), int(x1) + 1):
            x, _ = at(10.0 ** e, 10.0 ** y0)
            out.append('<text x="%.1f" y="%d" text-anchor="middle">%g</text>' % (x, top + h + 14, 10.0 ** e))
        out.append('<text x="%d" y="%d" text-anchor="middle">%s; %s</text>' % (left + w / 2, top + h + 28, x_name, unit))
        for n, (who, points) in enumerate(sorted(curve.items())):
            colour = COLOURS.get(who, "#444")
            line = [at(x, y) for x, y in sorted(points.items()) if y > 0]
            out.append('<polyline fill="none" stroke="%s" stroke-width="2" points="%s"/>' % (colour, " ".join("%.1f,%.1f" % p for p in line)))
            out += ['<circle cx="%.1f" cy="%.1f" r="2.5" fill="%s"/>' % (x, y, colour) for x, y in line]
            out.append('<text x="%d" y="%d" fill="%s">%s</text>' % (left + 8, top + 16 + 14 * n, colour, who))
    return "\n".join(out + ["</svg>\n"])
