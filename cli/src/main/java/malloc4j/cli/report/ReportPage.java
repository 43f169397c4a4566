package malloc4j.cli.report;

import io.avaje.jsonb.Jsonb;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.OffsetDateTime;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import malloc4j.cli.child.Machine;
import malloc4j.cli.report.Comparison.Subject;

/// A [Comparison] as one file of HTML: words are written here, figures are drawn by the page's script from the document
/// that `--json` prints, which stands in the file.
///
/// The page asks nobody: its policy lets no request out, and runs no script but its two, by their hashes.
final class ReportPage {
    private static final String FOLDER = "/report/";
    private static final String VENDOR = "/page/vendor/";
    private static final Pattern HOLE = Pattern.compile("\\{\\{(\\w+)}}");
    private static final double GIB = 1 << 30;

    private ReportPage() {}

    static String render(Comparison comparison, String command, OffsetDateTime time) {
        String chart = resource(VENDOR + "uplot.js");
        String script = resource(FOLDER + "report.js");
        String style = resource(VENDOR + "uplot.css") + resource(FOLDER + "report.css");
        Map<String, String> holes = new LinkedHashMap<>();
        holes.put(
                "policy",
                "default-src 'none'; script-src " + hash(chart) + " " + hash(script) + "; style-src " + hash(style)
                        + "; img-src data:; base-uri 'none'; form-action 'none'");
        holes.put("title", escaped("malloc4j " + comparison.command()));
        holes.put("style", style);
        holes.put("verdicts", verdicts(comparison));
        holes.put("command", escaped(command));
        holes.put("facts", facts(comparison, time));
        holes.put("notes", notes(comparison));
        holes.put("subjects", subjects(comparison));
        holes.put("document", data(Jsonb.instance().toJson(comparison.document())));
        holes.put("chart", chart);
        holes.put("script", script);
        return HOLE.matcher(resource(FOLDER + "report.html"))
                .replaceAll(hole -> Matcher.quoteReplacement(Objects.requireNonNull(holes.get(hole.group(1)))));
    }

    private static String verdicts(Comparison comparison) {
        var text = new StringBuilder();
        boolean hasMany = comparison.subjects().size() > 1;
        for (Subject subject : comparison.subjects()) {
            String name = hasMany ? "<b>" + escaped(subject.name()) + ":</b> " : "";
            text.append("<p class=\"verdict\">")
                    .append(name)
                    .append(escaped(ComparisonVerdict.of(subject)))
                    .append("</p>\n");
        }
        return text.toString();
    }

    private static String facts(Comparison comparison, OffsetDateTime time) {
        Machine machine = comparison.machine();
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("when", time.toString());
        facts.put("how", comparison.settings());
        facts.put("processors", machine.processors() + " x " + machine.cpu() + ", " + machine.architecture());
        facts.put("memory", String.format(Locale.ROOT, "%.1f GiB", machine.memoryBytes() / GIB));
        facts.put("system", machine.os() + ", " + machine.kernel());
        facts.put("transparent huge pages", machine.transparentHugePages());
        facts.put("JDK", machine.jdk());
        var text = new StringBuilder();
        facts.forEach((name, value) -> text.append("<dt>")
                .append(escaped(name))
                .append("</dt><dd>")
                .append(escaped(value))
                .append("</dd>\n"));
        return text.toString();
    }

    private static String notes(Comparison comparison) {
        var text = new StringBuilder();
        for (String note : comparison.notes()) {
            text.append("<li>").append(escaped(note)).append("</li>\n");
        }
        return text.isEmpty() ? "" : "<ul class=\"notes\">\n" + text + "</ul>";
    }

    private static String subjects(Comparison comparison) {
        var text = new StringBuilder();
        for (Subject subject : comparison.subjects()) {
            String name = escaped(subject.name());
            text.append("<article data-subject=\"")
                    .append(name)
                    .append("\">\n<h2>")
                    .append(name)
                    .append("</h2>\n<p class=\"hint\">")
                    .append(escaped(subject.line()))
                    .append("</p>\n</article>\n");
        }
        return text.toString();
    }

    /// JSON that ends no script and begins no comment: a string may have any letter as an escape.
    private static String data(String json) {
        return json.replace("<", "\\u003c");
    }

    private static String escaped(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }

    /// What a policy calls an inline script or style.
    private static String hash(String content) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(content.getBytes(StandardCharsets.UTF_8));
            return "'sha256-" + Base64.getEncoder().encodeToString(digest) + "'";
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    private static String resource(String name) {
        try (InputStream in = Objects.requireNonNull(ReportPage.class.getResourceAsStream(name), name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
