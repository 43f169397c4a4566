package malloc4j.planted;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.zip.CRC32;
import malloc4j.Heap;

/// Takes compressed frames off a wire, unpacks them and keeps the latest of each channel.
public final class FrameDecoder {
    static final int CHANNELS = 64;

    static final class CorruptFrameException extends Exception {
        private static final long serialVersionUID = 1;

        CorruptFrameException(String message) {
            super(message, null, false, false);
        }
    }

    record Message(int channel, MemorySegment body) {
        void release() {
            Heap.common().free(body);
        }
    }

    /// A frame: channel, unpacked length, checksum of the unpacked bytes, then runs of (count, value).
    static final class Decoder {
        private final Heap heap = Heap.common();
        private final CRC32 crc = new CRC32();

        Message decode(ByteBuffer frame) throws CorruptFrameException {
            int channel = frame.getInt();
            int length = frame.getInt();
            int expected = frame.getInt();
            if (channel < 0 || channel >= CHANNELS) {
                throw new CorruptFrameException("channel " + channel);
            }
            MemorySegment packed = copyOf(frame);
            try {
                MemorySegment body = unpack(packed, length);
                verify(body, expected);
                return new Message(channel, body);
            } finally {
                heap.free(packed);
            }
        }

        private MemorySegment copyOf(ByteBuffer frame) {
            MemorySegment copy = heap.allocate(frame.remaining(), 16);
            copy.copyFrom(MemorySegment.ofBuffer(frame));
            return copy;
        }

        private MemorySegment unpack(MemorySegment packed, int length) throws CorruptFrameException {
            MemorySegment body = heap.allocate(length, 16);
            long at = 0;
            for (long i = 0; i + 1 < packed.byteSize(); i += 2) {
                int count = packed.get(ValueLayout.JAVA_BYTE, i) & 0xff;
                if (at + count > length) {
                    heap.free(body);
                    throw new CorruptFrameException("too long");
                }
                body.asSlice(at, count).fill(packed.get(ValueLayout.JAVA_BYTE, i + 1));
                at += count;
            }
            if (at < length) {
                heap.free(body);
                throw new CorruptFrameException("too short");
            }
            return body;
        }

        private void verify(MemorySegment body, int expected) throws CorruptFrameException {
            crc.reset();
            crc.update(body.asByteBuffer());
            if ((int) crc.getValue() != expected) {
                throw new CorruptFrameException("checksum");
            }
        }
    }

    /// The latest message of each channel.
    static final class Board {
        private final Map<Integer, Message> latest = new HashMap<>();

        void post(Message message) {
            Message before = latest.put(message.channel(), message);
            if (before != null) {
                before.release();
            }
        }

        void clear() {
            latest.values().forEach(Message::release);
            latest.clear();
        }
    }

    /// A wire on which some frames are damaged: in the channel, in a count, or in a value.
    static final class Wire {
        private final Random random = new Random(77);

        ByteBuffer next() {
            int runs = 2 + random.nextInt(40);
            byte[] packed = new byte[2 * runs];
            CRC32 crc = new CRC32();
            int length = 0;
            for (int i = 0; i < runs; i++) {
                int count = 1 + random.nextInt(60);
                byte value = (byte) random.nextInt();
                packed[2 * i] = (byte) count;
                packed[2 * i + 1] = value;
                length += count;
                for (int k = 0; k < count; k++) {
                    crc.update(value);
                }
            }
            int damage = random.nextInt(100);
            if (damage <= 1) {
                packed[2 * random.nextInt(runs) + damage]++; // a count at 0, a value at 1
            }
            ByteBuffer frame = ByteBuffer.allocate(12 + packed.length);
            int channel = damage == 2 ? CHANNELS : random.nextInt(CHANNELS);
            return frame.putInt(channel)
                    .putInt(length)
                    .putInt((int) crc.getValue())
                    .put(packed)
                    .flip();
        }
    }

    public static void main(String[] args) {
        Wire wire = new Wire();
        Decoder decoder = new Decoder();
        Board board = new Board();
        int rejected = 0;
        for (int i = 0; i < 200_000; i++) {
            try {
                board.post(decoder.decode(wire.next()));
            } catch (CorruptFrameException e) {
                rejected++;
            }
        }
        board.clear();
        System.out.println("decoded " + (200_000 - rejected) + " frames, rejected " + rejected);
    }
}
