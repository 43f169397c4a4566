package malloc4j.internal.os;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/// Paths as [SystemCalls] takes them: a string that stands for bytes. To the kernel a path is bytes, of no encoding;
/// most are UTF-8. A byte that is not, is half a surrogate pair here, `U+DC00` and the byte, which no UTF-8 has: so
/// every path has a string, and every string of a path one path.
public final class KernelPath {
    private static final char FIRST_BYTE = 0xdc80;
    private static final char LAST_BYTE = 0xdcff;
    private static final int BYTE = 0xff;

    private KernelPath() {}

    /// The path that the JDK would hand to the kernel, whose bytes it may have from the kernel itself, or made of a
    /// string by the encoding of the user's language (`sun.jnu.encoding`).
    public static String of(Path path) {
        String text = path.toString();
        if (text.chars().allMatch(letter -> letter < 0x80)) {
            return text; // in every encoding of a Linux system
        }
        // The JDK tells a path's bytes in its URI alone, each by its number; of a directory with a slash behind it.
        byte[] bytes = unescaped(path.toUri().getRawPath());
        int length = bytes.length > 1 && bytes[bytes.length - 1] == '/' ? bytes.length - 1 : bytes.length;
        return decode(ByteBuffer.wrap(bytes, 0, length));
    }

    /// The same of a path in words; one that the JDK cannot make a path of stays as it is.
    public static String of(String path) {
        try {
            return of(Path.of(path));
        } catch (InvalidPathException unusual) {
            return path;
        }
    }

    /// The letters of a path, as UTF-8 in every language: for people, as what is not UTF-8 is a question mark.
    public static String text(Path path) {
        return new String(encode(of(path)), StandardCharsets.UTF_8);
    }

    private static byte[] unescaped(String escaped) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(escaped.length());
        for (int index = 0; index < escaped.length(); index++) {
            if (escaped.charAt(index) == '%') {
                bytes.write(Integer.parseInt(escaped, index + 1, index + 3, 16));
                index += 2;
            } else {
                bytes.write(escaped.charAt(index));
            }
        }
        return bytes.toByteArray();
    }

    /// The string of a path's bytes.
    static String decode(ByteBuffer bytes) {
        CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder(); // which reports what is not UTF-8
        CharBuffer text = CharBuffer.allocate(bytes.remaining());
        while (true) {
            CoderResult result = decoder.decode(bytes, text, true);
            if (result.isUnderflow()) {
                return text.flip().toString();
            }
            for (int count = result.length(); count > 0; count--) {
                text.put((char) (FIRST_BYTE - 0x80 + (bytes.get() & BYTE)));
            }
            decoder.reset();
        }
    }

    /// The bytes of a path's string, without a zero at their end.
    static byte[] encode(String path) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(path.length());
        int from = 0;
        for (int index = 0; index < path.length(); index++) {
            char letter = path.charAt(index);
            boolean isByte = letter >= FIRST_BYTE
                    && letter <= LAST_BYTE
                    && (index == 0 || !Character.isHighSurrogate(path.charAt(index - 1)));
            if (isByte) {
                bytes.writeBytes(path.substring(from, index).getBytes(StandardCharsets.UTF_8));
                bytes.write(letter & BYTE);
                from = index + 1;
            }
        }
        bytes.writeBytes(path.substring(from).getBytes(StandardCharsets.UTF_8));
        return bytes.toByteArray();
    }
}
