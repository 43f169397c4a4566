package malloc4j.cli.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleFunction;

/// A plot of lines over two logarithmic axes, as an SVG document: what `bench scale --plots` writes.
///
/// ```
///   title
///   subtitle
///   y unit
///   1000 |- - - - - - - - - - - -
///        |            __o
///    100 |- - - -o---/- - - - - -      o series A
///        |  __--/                      x series B
///     10 |o- - - - - - - - - - - -
///        +----|------|------|---
///          1 thousand   1 million     x unit
/// ```
///
/// Written by hand because the chart libraries that draw SVG are LGPL or need the fonts of java.desktop. Each
/// series has a colour and a marker of its own, so that it is told apart without colours too.
final class LinePlot {
    private static final int WIDTH = 860;
    private static final int HEIGHT = 480;
    private static final int LEFT = 70;
    private static final int RIGHT = 170; // the legend
    private static final int TOP = 84;
    private static final int BOTTOM = 56;
    private static final int LEGEND_LINE = 22;

    /// Okabe and Ito's colours, told apart by people who do not see all colours; black is for the first series.
    private static final String[] COLOURS = {
        "#000000", "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#888888", "#7a3e00", "#4b0082"
    };

    private final String title;
    private final String subtitle;
    private final String xTitle;
    private final String yTitle;
    private final DoubleFunction<String> xLabel;
    private final List<Series> allSeries = new ArrayList<>();
    private final List<Double> xTicks;

    /// Values of y at values of x.
    record Series(String name, List<Point> points) {}

    /// Both above 0.
    record Point(double x, double y) {}

    /// @param title what is shown
    /// @param subtitle how it was measured
    /// @param xTitle below the axis
    /// @param yTitle above the axis
    /// @param xTicks where x is labelled; the first and the last are the ends of the axis
    /// @param xLabel how a value of x is written
    LinePlot(
            String title,
            String subtitle,
            String xTitle,
            String yTitle,
            List<Double> xTicks,
            DoubleFunction<String> xLabel) {
        this.title = title;
        this.subtitle = subtitle;
        this.xTitle = xTitle;
        this.yTitle = yTitle;
        this.xTicks = xTicks;
        this.xLabel = xLabel;
    }

    /// Adds a line; the first is the one that the plot is about.
    void add(Series series) {
        allSeries.add(series);
    }

    /// The document.
    String svg() {
        var x = new Axis(
                xTicks.stream().mapToDouble(Double::doubleValue).min().orElseThrow(),
                xTicks.stream().mapToDouble(Double::doubleValue).max().orElseThrow(),
                LEFT + 16,
                WIDTH - RIGHT - 16);
        var y = new Axis(floorStep(lowest()), ceilStep(highest()), HEIGHT - BOTTOM, TOP);
        var svg = new StringBuilder();
        line(
                svg,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\""
                        + " font-size=\"13\">",
                WIDTH,
                HEIGHT);
        line(svg, "<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>");
        line(svg, "<text x=\"%d\" y=\"26\" font-size=\"17\" font-weight=\"bold\">%s</text>", LEFT, escaped(title));
        line(svg, "<text x=\"%d\" y=\"46\" fill=\"#555555\">%s</text>", LEFT, escaped(subtitle));
        line(svg, "<text x=\"%d\" y=\"70\" text-anchor=\"end\">%s</text>", LEFT - 8, escaped(yTitle));
        for (double step = y.from; step <= y.to * 1.0001; step = nextStep(step)) {
            line(
                    svg,
                    "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#dddddd\"/>",
                    LEFT,
                    WIDTH - RIGHT,
                    y.at(step),
                    y.at(step));
            line(
                    svg,
                    "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>",
                    LEFT - 8,
                    y.at(step) + 4.5,
                    escaped(stepLabel(step)));
        }
        for (double tick : xTicks) {
            line(
                    svg,
                    "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" stroke=\"#000000\"/>",
                    x.at(tick),
                    x.at(tick),
                    HEIGHT - BOTTOM,
                    HEIGHT - BOTTOM + 5);
            line(
                    svg,
                    "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>",
                    x.at(tick),
                    HEIGHT - BOTTOM + 20,
                    escaped(xLabel.apply(tick)));
        }
        line(
                svg,
                "<line x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\" stroke=\"#000000\"/>",
                LEFT,
                WIDTH - RIGHT,
                HEIGHT - BOTTOM,
                HEIGHT - BOTTOM);
        line(
                svg,
                "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>",
                (LEFT + WIDTH - RIGHT) / 2,
                HEIGHT - 14,
                escaped(xTitle));
        for (int i = allSeries.size() - 1; i >= 0; i--) { // the first on top
            append(svg, allSeries.get(i), i, x, y);
        }
        return svg.append("</svg>\n").toString();
    }

    private void append(StringBuilder svg, Series series, int index, Axis x, Axis y) {
        String colour = COLOURS[index % COLOURS.length];
        int legendY = TOP + 10 + index * LEGEND_LINE;
        var path = new StringBuilder();
        for (Point point : series.points()) {
            path.append(String.format(Locale.ROOT, "%.1f,%.1f ", x.at(point.x()), y.at(point.y())));
        }
        line(
                svg,
                "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"%s\"/>",
                path.toString().strip(),
                colour,
                index == 0 ? "2.5" : "1.5");
        for (Point point : series.points()) {
            marker(svg, index, x.at(point.x()), y.at(point.y()), colour);
        }
        line(
                svg,
                "<line x1=\"%d\" x2=\"%d\" y1=\"%d\" y2=\"%d\" stroke=\"%s\" stroke-width=\"%s\"/>",
                WIDTH - RIGHT + 14,
                WIDTH - RIGHT + 42,
                legendY,
                legendY,
                colour,
                index == 0 ? "2.5" : "1.5");
        marker(svg, index, WIDTH - RIGHT + 28, legendY, colour);
        line(
                svg,
                "<text x=\"%d\" y=\"%d\"%s>%s</text>",
                WIDTH - RIGHT + 50,
                legendY + 5,
                index == 0 ? " font-weight=\"bold\"" : "",
                escaped(series.name()));
    }

    private static void marker(StringBuilder svg, int index, double x, double y, String colour) {
        switch (index % 4) {
            case 0 -> line(svg, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"/>", x, y, colour);
            case 1 ->
                line(
                        svg,
                        "<rect x=\"%.1f\" y=\"%.1f\" width=\"7\" height=\"7\" fill=\"%s\"/>",
                        x - 3.5,
                        y - 3.5,
                        colour);
            case 2 -> line(svg, "<path d=\"M%.1f,%.1f l4.5,8 h-9 z\" fill=\"%s\"/>", x, y - 5, colour);
            default ->
                line(
                        svg,
                        "<path d=\"M%.1f,%.1f l8,8 m0,-8 l-8,8\" stroke=\"%s\" stroke-width=\"2\"/>",
                        x - 4,
                        y - 4,
                        colour);
        }
    }

    private double lowest() {
        return allSeries.stream()
                .flatMap(s -> s.points().stream())
                .mapToDouble(Point::y)
                .min()
                .orElse(1);
    }

    private double highest() {
        return allSeries.stream()
                .flatMap(s -> s.points().stream())
                .mapToDouble(Point::y)
                .max()
                .orElse(10);
    }

    // ------------------------------------------------------------------------------ steps of 1, 2, 5, 10, 20, 50, ...

    private static double floorStep(double value) {
        double power = Math.pow(10, Math.floor(Math.log10(value)));
        double digit = value / power;
        return digit >= 5 ? 5 * power : digit >= 2 ? 2 * power : power;
    }

    private static double ceilStep(double value) {
        double floor = floorStep(value);
        return floor >= value ? floor : nextStep(floor);
    }

    private static double nextStep(double step) {
        double power = Math.pow(10, Math.floor(Math.log10(step * 1.0001)));
        double digit = step / power;
        return digit < 1.5 ? 2 * power : digit < 3 ? 5 * power : 10 * power;
    }

    private static String stepLabel(double step) {
        return step < 1 ? Figures.decimals(step < 0.1 ? 2 : 1, step) : String.format(Locale.ROOT, "%,.0f", step);
    }

    @SuppressWarnings("AnnotateFormatMethod") // the annotation is Error Prone's own
    private static void line(StringBuilder svg, String format, Object... arguments) {
        svg.append(String.format(Locale.ROOT, format, arguments)).append('\n');
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }

    /// From values to positions, logarithmically.
    private record Axis(double from, double to, double start, double end) {
        double at(double value) {
            return to <= from
                    ? (start + end) / 2
                    : start + (end - start) * Math.log(value / from) / Math.log(to / from);
        }
    }
}
