package malloc4j.cli.playground;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import malloc4j.Heap;
import malloc4j.cli.picture.Texts;
import malloc4j.cli.playground.OwnPages.Break;
import malloc4j.cli.playground.PlaygroundState.Block;
import malloc4j.observe.HeapStatistics;
import org.jspecify.annotations.Nullable;

/// Heaps to play with, one for each [Policy], and what becomes of their blocks, in words.
///
/// ```
///   page      |  1  |  2  |  3  | ...         block 2 was freed: its page stays, for 1 and 3 touch it as well
/// ```
///
/// Concurrency: one thread.
final class PlaygroundHeap implements AutoCloseable {
    static final long MAX_BYTES = 1L << 30;
    static final int MAX_COUNT = 1000;
    private static final int MAX_BLOCKS = 100_000;
    private static final int MAX_SHOWN = 50;
    private static final int MAX_NAMED = 5;
    private static final int MAX_SMALL_BYTES = 32 << 10;
    private static final int KIB = 1024;

    private final Map<Policy, Heap> heaps = new EnumMap<>(Policy.class);
    private final TreeMap<Integer, Live> blocks = new TreeMap<>();
    private final long pageBytes;
    private int last;

    /// A block that is live.
    private record Live(
            int number, Policy policy, Heap heap, long address, long byteSize, long usableBytes, boolean isTouched) {
        long end() {
            return address + Math.max(1, usableBytes);
        }
    }

    /// @param pageBytes of the kernel
    PlaygroundHeap(long pageBytes) {
        this.pageBytes = pageBytes;
        Heap unused = heap(Policy.BY_SIZE);
    }

    private Heap heap(Policy policy) {
        return heaps.computeIfAbsent(policy, wanted -> Heap.create(wanted.options()));
    }

    /// The state, with nothing done.
    PlaygroundState look() {
        return state(List.of());
    }

    /// Allocates so many blocks.
    ///
    /// @throws IllegalArgumentException if that is more than there may be
    PlaygroundState malloc(int count, long byteSize, Policy policy) {
        require(count >= 1 && count <= MAX_COUNT, "blocks at once: 1 to " + MAX_COUNT);
        require(byteSize >= 0 && byteSize <= MAX_BYTES, "bytes of a block: 0 to " + MAX_BYTES);
        require(blocks.size() + count <= MAX_BLOCKS, "there may be " + MAX_BLOCKS + " blocks, free some first");
        Heap heap = heap(policy);
        Break breakBefore = Break.now();
        HeapStatistics before = heap.statistics();
        for (int made = 0; made < count; made++) {
            long address = heap.malloc(byteSize);
            blocks.put(++last, new Live(last, policy, heap, address, byteSize, heap.usableSize(address), false));
        }
        Live block = require(last);
        List<String> said = new ArrayList<>();
        String what = count == 1 ? "Block " + last + " of " : "Blocks " + (last - count + 1) + " to " + last + " of ";
        said.add(what + bytes(byteSize) + (count == 1 ? " lies in " : ": the last lies in ") + place(block, Break.now())
                + " and may use " + bytes(block.usableBytes) + ".");
        said.addAll(moved(breakBefore, Break.now()));
        said.addAll(calls(before, heap.statistics()));
        return state(said);
    }

    /// Frees a block, and says what becomes of its pages.
    PlaygroundState free(int number) {
        Live block = require(number);
        long from = block.address / pageBytes;
        long to = (block.end() + pageBytes - 1) / pageBytes;
        long resident = OwnPages.resident(from, to) * pageBytes;
        HeapStatistics before = block.heap.statistics();
        block.heap.free(block.address);
        blocks.remove(number);
        HeapStatistics after = block.heap.statistics();
        List<String> said = new ArrayList<>();
        if (after.reservedBytes() < before.reservedBytes()) {
            said.add("Block " + number + " is free: its mapping is gone, " + bytes(resident)
                    + " of memory went back at once, and so did its addresses.");
        } else {
            said.add("Block " + number + " is free.");
            said.add(keeps(from, to, OwnPages.resident(from, to)));
        }
        said.addAll(calls(before, after));
        return state(said);
    }

    /// What keeps the pages of a block that was freed.
    private String keeps(long from, long to, long resident) {
        String pages = to - from == 1 ? "Its page " : "Its " + count(to - from) + " pages ";
        if (resident == 0) {
            return pages + (to - from == 1 ? "has" : "have") + " no memory: nothing was written there.";
        }
        List<Live> pins = pins(from * pageBytes, to * pageBytes);
        if (pins.isEmpty()) {
            return pages + (to - from == 1 ? "is" : "are") + " touched by no live block, and kept for the next one: "
                    + bytes(resident * pageBytes) + " that a trim gives back.";
        }
        return pages
                + (to - from == 1 ? "stays: " : "stay in part: ")
                + named(pins)
                + (pins.size() == 1 ? " lies there as well." : " lie there as well.");
    }

    private List<Live> pins(long from, long to) {
        return blocks.values().stream()
                .filter(block -> block.address < to && block.end() > from)
                .toList();
    }

    private static String named(List<Live> blocks) {
        List<String> numbers = blocks.stream()
                .limit(MAX_NAMED)
                .map(block -> String.valueOf(block.number))
                .toList();
        String names = (blocks.size() == 1 ? "block " : "blocks ") + String.join(", ", numbers);
        return blocks.size() > MAX_NAMED ? names + " and " + (blocks.size() - MAX_NAMED) + " more" : names;
    }

    /// Writes every byte of a block, so that all of its pages get memory.
    PlaygroundState touch(int number) {
        Live block = require(number);
        long from = block.address / pageBytes;
        long to = (block.end() + pageBytes - 1) / pageBytes;
        long before = OwnPages.resident(from, to);
        block.heap.segment(block.address).fill((byte) number);
        blocks.put(
                number,
                new Live(number, block.policy, block.heap, block.address, block.byteSize, block.usableBytes, true));
        long got = OwnPages.resident(from, to) - before;
        return state(List.of("Block " + number + " is written: "
                + (got == 0
                        ? "its pages had memory already."
                        : count(got) + (got == 1 ? " page got memory, " : " pages got memory, ")
                                + bytes(got * pageBytes) + ".")));
    }

    /// Gives back all that is free, and says what stays and why.
    PlaygroundState trim() {
        List<String> said = new ArrayList<>();
        long before = residentBytes();
        heaps.values().forEach(heap -> {
            boolean unused = heap.trim(0);
        });
        long back = before - residentBytes();
        said.add(back > 0 ? bytes(back) + " went back to the kernel." : "There was nothing to give back.");
        Live pin = worstPin();
        if (pin != null) {
            said.add("Block " + pin.number + " of " + bytes(pin.byteSize) + " alone keeps "
                    + bytes(held(pin) * pageBytes) + ": a page goes back when no live block touches it.");
        }
        if (Break.now().to() > 0 && blocks.isEmpty()) {
            said.add("The break stays where it is: somebody else may have memory above, so only pages go back.");
        }
        return state(said);
    }

    /// The small block that has most memory beside itself.
    private @Nullable Live worstPin() {
        Live worst = null;
        for (Live block : blocks.values()) {
            boolean isSmall = block.usableBytes < pageBytes;
            if (isSmall
                    && held(block) > 0
                    && pins(block.address & -pageBytes, (block.end() + pageBytes - 1) & -pageBytes)
                                    .size()
                            == 1) {
                worst = worst == null || block.usableBytes < worst.usableBytes ? block : worst;
            }
        }
        return worst;
    }

    private long held(Live block) {
        return OwnPages.resident(block.address / pageBytes, (block.end() + pageBytes - 1) / pageBytes);
    }

    private Live require(int number) {
        Live block = blocks.get(number);
        if (block == null) {
            throw new IllegalArgumentException("there is no block " + number);
        }
        return block;
    }

    private static void require(boolean condition, String otherwise) {
        if (!condition) {
            throw new IllegalArgumentException(otherwise);
        }
    }

    private static List<String> moved(Break before, Break after) {
        return after.to() == before.to()
                ? List.of()
                : List.of("The break moved up by " + bytes(after.to() - before.to())
                        + ": a moat, which stays empty between"
                        + " the C library's memory and ours, and what is used.");
    }

    private static List<String> calls(HeapStatistics before, HeapStatistics after) {
        long calls = after.systemCalls() - before.systemCalls();
        return calls == 0
                ? List.of("No system call was needed.")
                : List.of("It took " + count(calls) + (calls == 1 ? " system call." : " system calls."));
    }

    private static String place(Live block, Break now) {
        String where = now.has(block.address) ? "the brk heap" : "the mmap zone";
        if (block.byteSize >= block.policy.mmapThresholdBytes()) {
            return "a mapping of its own in " + where;
        }
        return (block.usableBytes <= MAX_SMALL_BYTES
                        ? "a slab of blocks of " + bytes(block.usableBytes) + " in "
                        : "a run of pages in ")
                + where;
    }

    private long residentBytes() {
        return heaps.values().stream().mapToLong(Heap::residentBytes).sum();
    }

    private PlaygroundState state(List<String> said) {
        Break now = Break.now();
        return new PlaygroundState(
                said,
                now.to(),
                blocks.descendingMap().values().stream()
                        .limit(MAX_SHOWN)
                        .map(block -> new Block(
                                block.number,
                                block.address,
                                block.byteSize,
                                block.usableBytes,
                                held(block) * pageBytes,
                                block.isTouched,
                                place(block, now)))
                        .toList(),
                blocks.size(),
                blocks.values().stream().mapToLong(Live::usableBytes).sum(),
                residentBytes());
    }

    private static String count(long number) {
        return String.format(Locale.ROOT, "%,d", number);
    }

    private static String bytes(long byteSize) {
        return byteSize >= KIB ? Texts.size(byteSize) : byteSize + (byteSize == 1 ? " byte" : " bytes");
    }

    @Override
    public void close() {
        blocks.values().forEach(block -> block.heap.free(block.address));
        heaps.values().forEach(Heap::close);
    }
}
