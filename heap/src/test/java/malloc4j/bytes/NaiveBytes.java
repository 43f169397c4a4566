package malloc4j.bytes;

import java.util.Arrays;

/// The operations, said as simply as they can be said, on an array.
final class NaiveBytes {
    private NaiveBytes() {}

    static void memset(byte[] bytes, int offset, int value, int byteSize) {
        for (int index = 0; index < byteSize; index++) {
            bytes[offset + index] = (byte) value;
        }
    }

    static void memmove(byte[] bytes, int to, int from, int byteSize) {
        byte[] moved = Arrays.copyOfRange(bytes, from, from + byteSize);
        for (int index = 0; index < byteSize; index++) {
            bytes[to + index] = moved[index];
        }
    }

    /// -1, 0 or 1.
    static int memcmp(byte[] bytes, int left, int right, int byteSize) {
        for (int index = 0; index < byteSize; index++) {
            int order = Integer.compare(bytes[left + index] & 0xFF, bytes[right + index] & 0xFF);
            if (order != 0) {
                return order;
            }
        }
        return 0;
    }

    static int memchr(byte[] bytes, int offset, int value, int byteSize) {
        for (int index = offset; index < offset + byteSize; index++) {
            if (bytes[index] == (byte) value) {
                return index;
            }
        }
        return -1;
    }

    static int memrchr(byte[] bytes, int offset, int value, int byteSize) {
        for (int index = offset + byteSize - 1; index >= offset; index--) {
            if (bytes[index] == (byte) value) {
                return index;
            }
        }
        return -1;
    }

    static int memmem(byte[] bytes, int haystack, int haystackBytes, int needle, int needleBytes) {
        for (int index = haystack; index <= haystack + haystackBytes - needleBytes; index++) {
            if (memcmp(bytes, index, needle, needleBytes) == 0) {
                return index;
            }
        }
        return -1;
    }
}
