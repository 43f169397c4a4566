package malloc4j.cli.replay;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.GZIPOutputStream;

/// Made-up traces for tests.
final class Traces {
    /// Thread 0 allocates, thread 1 grows and frees; ID 1 stays live.
    static final String TWO_THREADS = text("a 0 0 64", "c 0 1 100", "r 1 0 128", "m 1 2 48 64", "f 1 0", "f 0 2");

    private Traces() {}

    static String text(String... events) {
        return "# malloc-trace 1\n# program: a test\n" + String.join("\n", events) + "\n";
    }

    static Path write(Path folder, String name, String text) throws IOException {
        return Files.writeString(folder.resolve(name), text);
    }

    static byte[] gzip(String text) throws IOException {
        var bytes = new ByteArrayOutputStream();
        try (OutputStream out = new GZIPOutputStream(bytes)) {
            out.write(text.getBytes(StandardCharsets.UTF_8));
        }
        return bytes.toByteArray();
    }

    /// One frame of blocks that are stored as they are, at most `blockBytes` each.
    static byte[] zstd(String text, int blockBytes) {
        byte[] content = text.getBytes(StandardCharsets.UTF_8);
        var bytes = new ByteArrayOutputStream();
        bytes.writeBytes(new byte[] {0x28, (byte) 0xb5, 0x2f, (byte) 0xfd, 0, 0x58}); // no checksum, a window of 2 MiB
        for (int at = 0; at < content.length; at += blockBytes) {
            int size = Math.min(blockBytes, content.length - at);
            int header = size << 3 | (at + size == content.length ? 1 : 0);
            bytes.writeBytes(new byte[] {(byte) header, (byte) (header >> 8), (byte) (header >> 16)});
            bytes.write(content, at, size);
        }
        return bytes.toByteArray();
    }

    static byte[] zstd(String text) {
        return zstd(text, 1 << 16);
    }

    static Trace parse(Path folder, String text) throws IOException, TraceProblem {
        return TraceReader.read(write(folder, "parsed.trace", text)).trace();
    }
}
