"""The curves as one SVG: both axes logarithmic, ours beside theirs."""
from math import ceil, floor, log10

from goals import CURVES, best
from report import NAMES

COLOURS = {"cnode": "#0060c0", "beam": "#c03020"}
WIDTH, HEIGHT, COLUMNS = 520, 340, 2
LEFT, TOP, RIGHT, BOTTOM = 76, 44, 24, 58


def amount(value):
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return "%g%s" % (value / size, letter)
    return "%g" % value


def text(x, y, words, anchor="middle", more=""):
    return '<text x="%.1f" y="%.1f" text-anchor="%s" %s>%s</text>' % (x, y, anchor, more, words)


def panel(curve, title, x_name, unit, ox, oy):
    points = {who: sorted((x, best(v, not unit.endswith("/s"))) for x, v in values.items()) for who, values in curve.items()}
    xs = [x for p in points.values() for x, _ in p]
    ys = [y for p in points.values() for _, y in p if y > 0]
    if not ys:
        return []
    x0, x1 = floor(log10(min(xs))), max(ceil(log10(max(xs))), floor(log10(min(xs))) + 1)
    y0, y1 = floor(log10(min(ys))), max(ceil(log10(max(ys))), floor(log10(min(ys))) + 1)
    left, top, right, bottom = ox + LEFT, oy + TOP, ox + WIDTH - RIGHT, oy + HEIGHT - BOTTOM
    at_x = lambda x: left + (log10(x) - x0) / (x1 - x0) * (right - left)
    at_y = lambda y: bottom - (log10(y) - y0) / (y1 - y0) * (bottom - top)
    out = [text(left, top - 14, title, "start", 'font-weight="bold" font-size="13"')]
    for e in range(x0, x1 + 1):
        x = at_x(10.0 ** e)
        out.append('<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#ddd"/>' % (x, x, top, bottom))
        out.append(text(x, bottom + 17, amount(10.0 ** e)))
    for e in range(y0, y1 + 1):
        y = at_y(10.0 ** e)
        out.append('<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/>' % (left, right, y, y))
        out.append(text(left - 8, y + 4, amount(10.0 ** e), "end"))
        if y1 - y0 <= 2 and e < y1:  # few decades: thin lines between them
            for k in (2, 5):
                y = at_y(k * 10.0 ** e)
                out.append('<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#eee"/>' % (left, right, y, y))
                out.append(text(left - 8, y + 4, amount(k * 10.0 ** e), "end", 'fill="#888"'))
    out.append('<rect x="%d" y="%d" width="%d" height="%d" fill="none" stroke="#666"/>' % (left, top, right - left, bottom - top))
    out.append(text((left + right) / 2, bottom + 38, x_name))
    out.append(text(0, 0, unit, "middle", 'transform="translate(%d,%.1f) rotate(-90)"' % (ox + 20, (top + bottom) / 2)))
    for n, who in enumerate(sorted(points, key=list(COLOURS).index)):
        line = [(at_x(x), at_y(y)) for x, y in points[who] if y > 0]
        out.append('<polyline fill="none" stroke="%s" stroke-width="2" points="%s"/>' % (COLOURS[who], " ".join("%.1f,%.1f" % p for p in line)))
        out += ['<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>' % (x, y, COLOURS[who]) for x, y in line]
        at, y = right - 160 + 80 * n, bottom + 38
        out.append('<line x1="%d" x2="%d" y1="%d" y2="%d" stroke="%s" stroke-width="2"/>' % (at, at + 20, y - 4, y - 4, COLOURS[who]))
        out.append(text(at + 26, y, NAMES[who], "start"))
    return out


def plot(results, heading):
    drawn = [c for c in CURVES if c[0] in results.curves]
    rows = (len(drawn) + COLUMNS - 1) // COLUMNS
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="11">' % (WIDTH * COLUMNS, HEIGHT * rows + 24),
           '<rect width="100%" height="100%" fill="white"/>', text(LEFT, 16, heading, "start", 'fill="#666"')]
    for i, (key, title, x_name, unit) in enumerate(drawn):
        out += panel(results.curves[key], title, x_name, unit, (i % COLUMNS) * WIDTH, (i // COLUMNS) * HEIGHT + 20)
    return "\n".join(out + ["</svg>\n"])
