package malloc4j;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;

/// A trace as a test reads it: its whole lines, each held against the life of its block.
///
/// @param lines the events
/// @param live which IDs live at the end
/// @param threads how many threads there are
record RecordedTrace(List<String> lines, List<Integer> live, int threads) {
    private static final Pattern EVENT = Pattern.compile("[acr] \\d+ \\d+ \\d+|m \\d+ \\d+ \\d+ \\d+|f \\d+ \\d+");

    static RecordedTrace read(Path file) {
        try {
            return check(wholeLines(file));
        } catch (IOException unreadable) {
            throw new UncheckedIOException(unreadable);
        }
    }

    private static List<String> wholeLines(Path file) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (InputStream raw = Files.newInputStream(file);
                InputStream in = file.toString().endsWith(".gz") ? new GZIPInputStream(raw) : raw) {
            byte[] some = new byte[1 << 16];
            for (int count = in.read(some); count > 0; count = in.read(some)) {
                bytes.write(some, 0, count);
            }
        } catch (EOFException cutShort) {
            assertThat(bytes.size()).as("what could be unpacked").isPositive();
        }
        String text = bytes.toString(StandardCharsets.US_ASCII);
        return text.substring(0, text.lastIndexOf("\n") + 1).lines().toList();
    }

    private static RecordedTrace check(List<String> all) {
        assertThat(all.getFirst()).isEqualTo("# malloc-trace 1");
        List<String> events =
                all.stream().dropWhile(line -> line.startsWith("# ")).toList();
        List<Boolean> lives = new ArrayList<>();
        int threads = 0;
        for (String event : events) {
            assertThat(EVENT.matcher(event).matches()).as(event).isTrue();
            String[] fields = event.split(" ", -1);
            int thread = Integer.parseInt(fields[1]);
            int id = Integer.parseInt(fields[2]);
            assertThat(thread).as(event).isLessThanOrEqualTo(threads);
            threads = Math.max(threads, thread + 1);
            switch (fields[0]) {
                case "f", "r" -> {
                    assertThat(id < lives.size() && lives.get(id)).as(event).isTrue();
                    lives.set(id, fields[0].equals("r"));
                }
                default -> {
                    assertThat(id).as(event).isEqualTo(lives.size());
                    lives.add(true);
                }
            }
        }
        List<Integer> live = new ArrayList<>();
        for (int id = 0; id < lives.size(); id++) {
            if (lives.get(id)) {
                live.add(id);
            }
        }
        return new RecordedTrace(events, live, threads);
    }
}
