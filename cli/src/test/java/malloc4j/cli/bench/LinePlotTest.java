package malloc4j.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import malloc4j.cli.bench.LinePlot.Point;
import malloc4j.cli.bench.LinePlot.Series;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

class LinePlotTest {
    @Test
    void pointsLieWhereTheirLogarithmsAre() throws Exception {
        var plot = new LinePlot(
                "a < b & c", "how", "blocks", "ns/op", List.of(1.0, 10.0, 100.0), x -> Integer.toString((int) x));
        plot.add(new Series("malloc4j", List.of(new Point(1, 10), new Point(10, 100), new Point(100, 1_000))));
        plot.add(new Series("other", List.of(new Point(10, 20))));

        Document svg = parse(plot.svg());

        assertThat(texts(svg))
                .contains("a < b & c", "how", "blocks", "ns/op", "1", "10", "100", "malloc4j", "other", "1,000");
        NodeList lines = svg.getElementsByTagName("polyline");
        assertThat(lines.getLength()).isEqualTo(2);
        String[] points = ((Element) lines.item(1)).getAttribute("points").split(" ", 3); // the first series is on top
        double[] left = point(points[0]);
        double[] middle = point(points[1]);
        double[] right = point(points[2]);
        assertThat(middle[0] - left[0]).isCloseTo(right[0] - middle[0], within(0.2));
        assertThat(left[1] - middle[1]).isCloseTo(middle[1] - right[1], within(0.2));
        assertThat(left[1]).isGreaterThan(right[1]); // downwards is less
    }

    @Test
    void aSinglePointIsAPlotToo() throws Exception {
        var plot = new LinePlot("t", "s", "x", "y", List.of(5.0), Double::toString);
        plot.add(new Series("one", List.of(new Point(5, 7))));

        Document svg = parse(plot.svg());

        assertThat(((Element) svg.getElementsByTagName("polyline").item(0)).getAttribute("points"))
                .matches("[\\d.]+,[\\d.]+");
    }

    private static double[] point(String text) {
        String[] parts = text.split(",", 2);
        return new double[] {Double.parseDouble(parts[0]), Double.parseDouble(parts[1])};
    }

    private static List<String> texts(Document svg) {
        NodeList elements = svg.getElementsByTagName("text");
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < elements.getLength(); i++) {
            texts.add(elements.item(i).getTextContent());
        }
        return texts;
    }

    private static Document parse(String svg) throws Exception {
        return DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(new ByteArrayInputStream(svg.getBytes(StandardCharsets.UTF_8)));
    }
}
