package malloc4j.cli.replay;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/// Reads what heaptrack 1.x recorded of a native program, in either of its two forms. Numbers are hexadecimal, objects
/// are numbered from 0 in the order of their records:
///
/// ```
/// interpreted: `heaptrack PROGRAM`     raw: `heaptrack --raw PROGRAM`
///
/// v VERSION FORMAT                     v VERSION FORMAT                first line; formats 1 to 3
///                                      x ...                           the program's file
/// X ...                                X ...                           its arguments, in several lines if they
/// I PAGE PAGES                         I PAGE PAGES                        have line ends; then the machine's memory
/// s ...  i ...  t NUMBER NUMBER        m ...  t NUMBER NUMBER          call stacks
/// c NUMBER  R NUMBER                   c NUMBER  R NUMBER              time and resident memory; also S, A, #
/// a SIZE STACK                                                         a kind of block, numbered from 0
/// + KIND                               + SIZE STACK POINTER            a block was allocated
/// - KIND                               - POINTER                       a block was freed
/// ```
///
/// So neither tells threads, which function allocated, or an alignment: every block is malloc's, on one thread. realloc
/// is a free and then an allocation.
///
/// The interpreted form does not tell which block of its kind is freed. Here it is the oldest, so what is live is
/// right to the byte at every moment, but lives may be exchanged among blocks of one size from one call stack.
///
/// A raw recording may lack some events: of a free of an unknown block, from before heaptrack was attached, there is
/// nothing to replay, and a block where a live one should be says that the other was freed before.
final class HeaptrackReader {
    static final char VERSION = 'v';

    private static final int MAX_FORMAT = 3;
    private static final int ONLY_THREAD = 0;
    private static final Pattern MEMORY_LINE = Pattern.compile("I [0-9a-f]+ [0-9a-f]+");

    private final LineReader lines;
    private final TraceBuilder trace;

    private boolean raw;
    private long[] kindByteSizes = new long[1 << 10];
    private final LiveQueues liveOfKind = new LiveQueues();
    private final Map<Long, Integer> liveAtPointer = new HashMap<>();
    private long unknownFreeCount;

    /// @param lines of which the first was read
    HeaptrackReader(LineReader lines) {
        this.lines = lines;
        this.trace = new TraceBuilder(lines);
    }

    TraceReader.Result readAll() throws IOException, TraceProblem {
        readVersion();
        lines.allowRecording();
        while (lines.next()) {
            readRecord();
        }
        return trace.build(notes());
    }

    private void readVersion() throws TraceProblem {
        String form = "'v VERSION FORMAT' of heaptrack 1.x";
        long version = lines.hexadecimal(form);
        long format = lines.hexadecimal(form);
        lines.end(form);
        if (format < 1 || format > MAX_FORMAT) {
            throw lines.problem(
                    "format " + format + " of heaptrack " + dotted(version) + "; known are 1 to " + MAX_FORMAT);
        }
    }

    /// 0x10400 is 1.4.0.
    private static String dotted(long version) {
        return (version >> 16) + "." + (version >> 8 & 0xff) + "." + (version & 0xff);
    }

    private void readRecord() throws IOException, TraceProblem {
        switch (lines.letter()) {
            case '+' -> readAllocation();
            case '-' -> readFree();
            case 'a' -> readKind();
            case 'x' -> {
                skipText();
                raw = true;
            }
            case 'X' -> {
                skipText();
                skipArguments();
            }
            case 't' -> skipNumbers("'t NUMBER NUMBER'", 2);
            case 'c', 'R' -> skipNumbers("'" + lines.letter() + " NUMBER'", 1);
            case 's', 'i', 'm', 'S' -> skipText();
            case 'A' -> lines.end("'A'");
            case '#', 0 -> {
                // a comment
            }
            default -> throw lines.malformed("a record of heaptrack");
        }
    }

    private void readKind() throws TraceProblem {
        String form = "'a SIZE STACK'";
        long byteSize = lines.hexadecimal(form);
        long unused = lines.hexadecimal(form);
        lines.end(form);
        int kind = liveOfKind.kindCount();
        if (kind == kindByteSizes.length) {
            kindByteSizes = Arrays.copyOf(kindByteSizes, kind * 2);
        }
        kindByteSizes[kind] = byteSize;
        liveOfKind.addKind();
    }

    private void readAllocation() throws TraceProblem {
        int id = trace.objectCount();
        if (raw) {
            String form = "'+ SIZE STACK POINTER'";
            long byteSize = lines.hexadecimal(form);
            long unused = lines.hexadecimal(form);
            long pointer = lines.hexadecimal(form);
            lines.end(form);
            Integer there = liveAtPointer.put(pointer, id);
            if (there != null) {
                trace.free(ONLY_THREAD, there);
            }
            allocate(id, byteSize);
        } else {
            int kind = kind("'+ KIND'");
            liveOfKind.add(kind, id);
            allocate(id, kindByteSizes[kind]);
        }
    }

    private void allocate(int id, long byteSize) throws TraceProblem {
        trace.allocate(Event.MALLOC, ONLY_THREAD, id, byteSize, 1);
    }

    private void readFree() throws TraceProblem {
        if (raw) {
            String form = "'- POINTER'";
            long pointer = lines.hexadecimal(form);
            lines.end(form);
            Integer id = liveAtPointer.remove(pointer);
            if (id == null) {
                unknownFreeCount++;
            } else {
                trace.free(ONLY_THREAD, id);
            }
        } else {
            int kind = kind("'- KIND'");
            int id = liveOfKind.takeOldest(kind);
            if (id == LiveQueues.NONE) {
                throw lines.problem("a free of kind " + Integer.toHexString(kind) + ", of which no block lives");
            }
            trace.free(ONLY_THREAD, id);
        }
    }

    private int kind(String form) throws TraceProblem {
        long kind = lines.hexadecimal(form);
        lines.end(form);
        if (kind >= liveOfKind.kindCount()) {
            throw lines.problem("kind " + Long.toHexString(kind) + " is used before its line 'a SIZE STACK'");
        }
        return (int) kind;
    }

    private void skipText() throws TraceProblem {
        lines.skipText("'" + lines.letter() + " ...'");
    }

    private void skipArguments() throws IOException, TraceProblem {
        while (lines.next()) {
            if (MEMORY_LINE.matcher(lines.text()).matches()) {
                return;
            }
        }
    }

    private void skipNumbers(String form, int count) throws TraceProblem {
        for (int i = 0; i < count; i++) {
            long unused = lines.hexadecimal(form);
        }
        lines.end(form);
    }

    private List<String> notes() {
        List<String> notes = new ArrayList<>();
        notes.add(
                "recorded by heaptrack, which tells no threads, zeroing or alignment, and realloc as free and malloc");
        if (!raw) {
            notes.add(
                    "each free is of the oldest live block of its size and call stack; heaptrack --raw tells the block");
        }
        if (unknownFreeCount > 0) {
            notes.add(unknownFreeCount + " frees of blocks that are not in the recording are left out");
        }
        notes.addAll(lines.notes());
        return List.copyOf(notes);
    }
}
