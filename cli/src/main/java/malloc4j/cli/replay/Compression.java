package malloc4j.cli.replay;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Locale;
import java.util.zip.GZIPInputStream;

/// How a file is compressed, by its first bytes.
enum Compression {
    NONE,
    GZIP(0x1f, 0x8b),
    ZSTD(0x28, 0xb5, 0x2f, 0xfd);

    private static final int MAX_MAGIC_BYTES = 4;
    private static final int BUFFER_BYTES = 1 << 16; // 64 KiB

    @SuppressWarnings("ImmutableEnumChecker") // never written
    private final byte[] magic;

    Compression(int... magic) {
        this.magic = new byte[magic.length];
        for (int i = 0; i < magic.length; i++) {
            this.magic[i] = (byte) magic[i];
        }
    }

    /// That of a stream, which stays where it is.
    static Compression of(InputStream in) throws IOException {
        in.mark(MAX_MAGIC_BYTES);
        byte[] first = in.readNBytes(MAX_MAGIC_BYTES);
        in.reset();
        for (Compression compression : new Compression[] {GZIP, ZSTD}) {
            int length = compression.magic.length;
            if (first.length >= length && Arrays.equals(first, 0, length, compression.magic, 0, length)) {
                return compression;
            }
        }
        return NONE;
    }

    /// What the stream holds.
    ///
    /// @throws EOFException here or when it is read, where the data ends before its end
    /// @throws java.util.zip.ZipException here or when it is read, where the data is damaged
    InputStream open(InputStream in) throws IOException {
        return switch (this) {
            case NONE -> in;
            case GZIP -> new GZIPInputStream(in, BUFFER_BYTES);
            case ZSTD -> new ZstdInputStream(in, ZstdLibrary.load());
        };
    }

    /// What is wrong with the data, in words.
    String problem(IOException thrown) {
        if (thrown instanceof EOFException) {
            return "the " + this + " data ends in the middle";
        }
        String detail = thrown.getMessage() == null ? "" : ": " + thrown.getMessage();
        return "the " + this + " data is damaged" + detail;
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
