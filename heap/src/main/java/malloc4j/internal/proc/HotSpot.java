package malloc4j.internal.proc;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import malloc4j.observe.AreaKind;
import malloc4j.observe.MappedRange;
import org.jspecify.annotations.Nullable;

/// What a HotSpot JVM tells about its own memory through [VmStructs], this process's JVM or another's.
///
/// | area | told by |
/// |---|---|
/// | Java heap | `CollectedHeap::_reserved`; of ZGC, the bits of its addresses (`ZAddressOffsetMask`) |
/// | code cache | the boundaries of each `CodeHeap`, its segment map included |
/// | CDS archive | `MetaspaceObj::_shared_metaspace_base` and `_top` |
/// | metaspace, class space | no list of them is told: the blocks of 4 MiB, in which HotSpot reserves them, where
/// classes, constant pools and methods lie |
/// | GC tables | the card table of Serial, Parallel and G1; other tables are not told |
/// | stacks | `_stack_base` and `_stack_size` of each Java thread |
/// | perf counters | `PerfMemory::_start` and `_end` |
///
/// The JVM runs on while it is read. Whatever is found by a pointer is checked before it counts: a class must refer
/// back to its loader, a constant pool to its class, a thread must be a thread of the process. What a JVM does not
/// tell is named in [#untold], and stays anonymous in the picture.
final class HotSpot {
    private static final int MAX_CODE_HEAPS = 16;
    private static final int MAX_THREADS = 1 << 20;
    private static final int MAX_LOADERS = 1 << 18;
    private static final int MAX_CLASSES = 1 << 20;
    private static final long MAX_STACK_BYTES = 1L << 32;
    private static final long METASPACE_BLOCK_BYTES = 4L << 20; // root chunks, which reservations are whole ones of
    private static final long METASPACE_RESERVED_BYTES = 64L << 20; // no reservation is larger

    private final ProcessMemory memory;
    private final VmStructs structs;
    private final Mappings mappings;
    private final Labels labels;
    private final List<String> untold = new ArrayList<>();

    private HotSpot(ProcessMemory memory, VmStructs structs, Mappings mappings, Labels labels) {
        this.memory = memory;
        this.structs = structs;
        this.mappings = mappings;
        this.labels = labels;
    }

    /// Labels what the JVM whose `libjvm.so` is `image` tells of itself. Returns what it does not tell, a line
    /// each.
    ///
    /// @throws IOException if it tells nothing at all
    static List<String> label(ProcessMemory memory, ElfImage image, Mappings mappings, Threads threads, Labels labels)
            throws IOException {
        HotSpot jvm = new HotSpot(memory, VmStructs.read(memory, image), mappings, labels);
        jvm.attempt("the Java heap", jvm::labelHeap);
        jvm.attempt("the code cache", jvm::labelCode);
        jvm.attempt("the CDS archive", jvm::labelArchive);
        jvm.attempt("the perf counters", jvm::labelPerformanceData);
        jvm.attempt("the card table", jvm::labelCardTable);
        jvm.attempt("the stacks of Java threads", () -> jvm.labelStacks(threads));
        jvm.attempt("metaspace", jvm::labelMetaspace);
        return jvm.untold;
    }

    private interface Step {
        void run() throws IOException;
    }

    private void attempt(String what, Step step) {
        try {
            step.run();
        } catch (IOException failure) {
            untold.add("the JVM does not tell " + what + ": " + failure.getMessage());
        }
    }

    // The heap.

    private void labelHeap() throws IOException {
        long heap = structs.staticWord("Universe::_collectedHeap");
        if (heap == 0) {
            throw new IOException("it is still starting");
        }
        String collector = collector();
        long reserved = heap + structs.offset("CollectedHeap::_reserved");
        long start = structs.wordOf(reserved, "MemRegion::_start");
        long bytes = structs.wordOf(reserved, "MemRegion::_word_size") * Long.BYTES;
        if (bytes > 0) {
            labels.add(start, start + bytes, AreaKind.JAVA_HEAP, collector, "");
        } else {
            labelZHeap(collector);
        }
    }

    /// ZGC gives offsets of n bits, and puts the bit above them, or one of the next two, in front: the heap's views
    /// lie between 2^n and 2^(n+3).
    private void labelZHeap(String collector) throws IOException {
        long globals = structs.staticWord("ZGlobalsForVMStructs::_instance_p");
        long mask = memory.word(structs.wordOf(globals, "ZGlobalsForVMStructs::_ZAddressOffsetMask"));
        long lowest = mask + 1;
        if (mask <= 0 || Long.bitCount(lowest) != 1) {
            throw new IOException("its collector does not say where");
        }
        for (MappedRange range : mappings) {
            boolean inside = range.address() >= lowest && range.address() < lowest << 3;
            if (inside && (range.isAnonymous() || range.name().startsWith("/memfd:java_heap"))) {
                labels.add(range.address(), range.end(), AreaKind.JAVA_HEAP, collector, "");
            }
        }
    }

    private String collector() throws IOException {
        for (String name : List.of("Serial", "Parallel", "G1", "Z", "Shenandoah", "Epsilon")) {
            if (structs.flag("Use" + name + "GC")) {
                return name.equals("Z") ? "ZGC" : name;
            }
        }
        return "";
    }

    private void labelCardTable() throws IOException {
        String collector = collector();
        if (List.of("Serial", "Parallel", "G1").contains(collector)) {
            long barriers = structs.staticWord("BarrierSet::_barrier_set");
            long table = structs.wordOf(barriers, "CardTableBarrierSet::_card_table");
            long start = structs.wordOf(table, "CardTable::_byte_map");
            long bytes = structs.wordOf(table, "CardTable::_byte_map_size");
            labels.add(start, start + bytes, AreaKind.GC_TABLES, collector, "card table");
        }
    }

    // The code cache, the archive, the counters.

    private void labelCode() throws IOException {
        long heaps = structs.staticWord("CodeCache::_heaps");
        int count = Math.min(memory.number(heaps + structs.offset("GrowableArrayBase::_len")), MAX_CODE_HEAPS);
        long data = structs.wordOf(heaps, "GrowableArray<int>::_data");
        for (int index = 0; index < count; index++) {
            long heap = memory.word(data + (long) index * Long.BYTES);
            labelVirtualSpace(heap + structs.offset("CodeHeap::_memory"), "");
            labelVirtualSpace(heap + structs.offset("CodeHeap::_segmap"), "segment map");
        }
    }

    private void labelVirtualSpace(long space, String detail) throws IOException {
        long low = structs.wordOf(space, "VirtualSpace::_low_boundary");
        long high = structs.wordOf(space, "VirtualSpace::_high_boundary");
        labels.add(low, high, AreaKind.CODE_CACHE, "", detail);
    }

    private void labelArchive() throws IOException {
        for (MappedRange range : mappings) {
            if (range.path().endsWith(".jsa")) {
                labels.add(range.address(), range.end(), AreaKind.CDS_ARCHIVE, range.fileName(), "");
            }
        }
        long base = structs.staticWord("MetaspaceObj::_shared_metaspace_base");
        long top = structs.staticWord("MetaspaceObj::_shared_metaspace_top");
        labels.add(base, top, AreaKind.CDS_ARCHIVE, "", "");
        int rest = mappings.indexAt(top);
        if (base != 0 && rest >= 0 && mappings.get(rest).isReserved()) {
            labels.add(top, mappings.get(rest).end(), AreaKind.CDS_ARCHIVE, "", "reserved behind it");
        }
    }

    private void labelPerformanceData() throws IOException {
        long start = structs.staticWord("PerfMemory::_start");
        long end = structs.staticWord("PerfMemory::_end");
        labels.add(start, end, AreaKind.PERFORMANCE_DATA, "", "");
    }

    // Threads.

    private void labelStacks(Threads threads) throws IOException {
        long list = structs.staticWord("ThreadsSMRSupport::_java_thread_list");
        int count = Math.min(memory.number(list + structs.offset("ThreadsList::_length")), MAX_THREADS);
        long each = structs.wordOf(list, "ThreadsList::_threads");
        int untoldStacks = 0;
        for (int index = 0; index < count; index++) {
            try {
                labelStack(memory.word(each + (long) index * Long.BYTES), threads);
            } catch (IOException ended) {
                untoldStacks++;
            }
        }
        if (untoldStacks > 0) {
            untold.add(untoldStacks + " Java threads ended while they were read");
        }
    }

    private void labelStack(long javaThread, Threads threads) throws IOException {
        long base = structs.wordOf(javaThread, "JavaThread::_stack_base", "Thread::_stack_base");
        long bytes = structs.wordOf(javaThread, "JavaThread::_stack_size", "Thread::_stack_size");
        long osThread = structs.wordOf(javaThread, "Thread::_osthread", "JavaThread::_osthread");
        int number = memory.number(osThread + structs.offset("OSThread::_thread_id"));
        if (threads.has(number) && bytes > 0 && bytes < MAX_STACK_BYTES) {
            threads.labelStack(labels, base - bytes, base, number);
        }
    }

    // Metaspace.

    /// Follows every class of every loader, notes in which blocks of addresses class metadata lies, and labels those,
    /// each with the reserved addresses behind it. Not the whole mapping: the kernel makes one of metaspace and of what
    /// the C library has mapped right beside it.
    private void labelMetaspace() throws IOException {
        Map<Long, AreaKind> found = new TreeMap<>();
        try {
            followClasses(found);
        } finally {
            found.forEach((block, kind) -> {
                if (kind == AreaKind.CLASS_SPACE) {
                    labelClassSpace(block);
                } else {
                    labelBlock(block);
                }
            });
        }
    }

    /// The class space is one reservation, far from where others map memory.
    private void labelClassSpace(long block) {
        for (MappedRange range : mappings) {
            boolean isIn = range.address() < block + METASPACE_BLOCK_BYTES && range.end() > block;
            if (isIn && range.isAnonymous() && range.isWritable()) {
                labels.add(range.address(), range.end(), AreaKind.CLASS_SPACE, "", "");
                labelReserved(range.end(), Long.MAX_VALUE, AreaKind.CLASS_SPACE);
            }
        }
    }

    private void labelBlock(long block) {
        long end = block + METASPACE_BLOCK_BYTES;
        int index = mappings.indexAt(block);
        for (index = Math.max(index, 0); index < mappings.size(); index++) {
            MappedRange range = mappings.get(index);
            if (range.address() >= end) {
                break;
            }
            if (range.end() > block && range.isAnonymous()) {
                labels.add(Math.max(block, range.address()), Math.min(end, range.end()), AreaKind.METASPACE, "", "");
            }
        }
        labelReserved(end, end + METASPACE_RESERVED_BYTES, AreaKind.METASPACE);
    }

    /// What is reserved from `start`, up to `end`, if it was reserved together with what is before it.
    private void labelReserved(long start, long end, AreaKind kind) {
        int index = mappings.indexAt(start);
        if (index >= 0
                && mappings.get(index).isAnonymous()
                && mappings.get(index).isReserved()) {
            labels.add(start, Math.min(mappings.get(index).end(), end), kind, "", "");
        }
    }

    private void followClasses(Map<Long, AreaKind> found) throws IOException {
        AreaKind kindOfClasses = structs.flag("UseCompressedClassPointers") ? AreaKind.CLASS_SPACE : AreaKind.METASPACE;
        long loader = structs.staticWord("ClassLoaderDataGraph::_head");
        int classes = 0;
        for (int count = 0; loader != 0 && count < MAX_LOADERS; count++) {
            long klass = structs.wordOf(loader, "ClassLoaderData::_klasses");
            while (klass != 0 && classes++ < MAX_CLASSES && isClassOf(klass, loader)) {
                note(found, klass, kindOfClasses);
                noteMetadata(found, klass);
                klass = structs.wordOf(klass, "Klass::_next_link");
            }
            loader = structs.wordOf(loader, "ClassLoaderData::_next");
        }
    }

    private boolean isClassOf(long klass, long loader) {
        try {
            return structs.wordOf(klass, "Klass::_class_loader_data") == loader;
        } catch (IOException unloaded) {
            return false;
        }
    }

    private void noteMetadata(Map<Long, AreaKind> found, long klass) throws IOException {
        if (memory.number(klass + structs.offset("Klass::_layout_helper")) <= 0) {
            return; // an array's class has none
        }
        try {
            long constants = structs.wordOf(klass, "InstanceKlass::_constants");
            if (structs.wordOf(constants, "ConstantPool::_pool_holder") == klass) {
                note(found, constants, AreaKind.METASPACE);
            }
            note(found, structs.wordOf(klass, "InstanceKlass::_methods"), AreaKind.METASPACE);
        } catch (IOException changing) {
            return;
        }
    }

    private void note(Map<Long, AreaKind> found, long address, AreaKind kind) {
        int index = mappings.indexAt(address);
        if (index >= 0
                && mappings.get(index).isAnonymous()
                && mappings.get(index).isWritable()) {
            AreaKind unused = found.putIfAbsent(address & -METASPACE_BLOCK_BYTES, kind);
        }
    }

    /// The mapping of the first byte of `libjvm.so`, or null where the process has none.
    static @Nullable MappedRange library(Mappings mappings) {
        for (MappedRange range : mappings) {
            if (range.fileName().equals("libjvm.so") && range.fileOffset() == 0) {
                return range;
            }
        }
        return null;
    }
}
