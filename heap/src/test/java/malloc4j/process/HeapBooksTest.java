package malloc4j.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import malloc4j.faults.PeerJvm;
import malloc4j.observe.AreaKind;
import malloc4j.observe.HeapBook;
import malloc4j.observe.HeapFootprint;
import malloc4j.observe.HeapSnapshot;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// A process's heaps as its memory tells them, beside what it tells itself: stopped, dead, and running at full speed.
@Timeout(300)
class HeapBooksTest {
    private static final int HEAPS = 7;
    private static final int ARENAS = 2;
    private static final int SAMPLED = 3;
    private static final int GUARDED = 4;
    private static final int ROUNDS = 500;
    private static final int LOOKS = 200;

    /// What a heap says of itself.
    private record Told(String footprint, String sizeClasses, String hugeBlocks, long liveBlocks) {
        long number(String field) {
            String rest = footprint.substring(footprint.indexOf("\"" + field + "\":") + field.length() + 3);
            return Long.parseLong(rest.replaceFirst("[,}].*", "").strip());
        }
    }

    private static List<Told> told(PeerJvm peer) throws IOException {
        List<Told> told = new ArrayList<>();
        for (int heap = 0; heap < HEAPS; heap++) {
            told.add(new Told(peer.line(), peer.line(), peer.line(), Long.parseLong(peer.line())));
        }
        assertThat(peer.line()).isEqualTo("ready");
        return told;
    }

    private static void signal(PeerJvm peer, String signal) throws Exception {
        Process kill = new ProcessBuilder("kill", "-" + signal, Long.toString(peer.pid()))
                .inheritIO()
                .start();
        assertThat(kill.waitFor(10, TimeUnit.SECONDS)).isTrue();
        assertThat(kill.exitValue()).isZero();
    }

    /// All that both know is the same.
    private static void assertSame(List<HeapBook> heaps, List<Told> told, boolean knowsResident) {
        assertThat(heaps).hasSize(HEAPS);
        for (int index = 0; index < HEAPS; index++) {
            HeapBook heap = heaps.get(index);
            HeapFootprint seen = heap.footprint();
            Told self = told.get(index);
            long arenaBytes = index == ARENAS ? heap.arenaChunkBytes() : 0; // in the process these are known to be idle
            if (index != SAMPLED) { // where a sample may look like a chunk
                assertThat(heap.arenaChunkBytes() > 0).isEqualTo(index == ARENAS);
            }
            assertThat(self.footprint()).contains("\"" + heap.name() + "\"");
            assertThat(seen.heapId()).isEqualTo((int) self.number("heapId"));
            assertThat(heap.sizeClasses()).hasToString(self.sizeClasses());
            assertThat(heap.hugeBlocks()).hasToString(self.hugeBlocks()).hasSizeGreaterThan(1);
            assertThat(heap.liveBlocks()).isEqualTo(self.liveBlocks());
            assertThat(seen.allocatedBytes() - arenaBytes)
                    .as(self.footprint())
                    .isEqualTo(self.number("allocatedBytes"));
            assertThat(seen.cachedBytes() + arenaBytes).isEqualTo(self.number("cachedBytes"));
            assertThat(seen.slabFreeBytes()).isEqualTo(self.number("slabFreeBytes"));
            assertThat(seen.quarantinedBytes()).isEqualTo(self.number("quarantinedBytes"));
            assertThat(seen.samplingBytes()).isEqualTo(self.number("samplingBytes"));
            assertThat(seen.movingBytes()).isEqualTo(self.number("movingBytes"));
            assertThat(seen.activeBytes()).isEqualTo(self.number("activeBytes"));
            assertThat(seen.dirtyBytes()).isEqualTo(self.number("dirtyBytes"));
            assertThat(seen.metadataBytes()).isEqualTo(self.number("metadataBytes"));
            assertThat(seen.mappedBytes()).isEqualTo(self.number("mappedBytes"));
            assertThat(seen.retainedBytes()).isEqualTo(self.number("retainedBytes"));
            assertThat(seen.returnedBytes()).isEqualTo(self.number("returnedBytes"));
            assertThat(seen.residentBytes()).isEqualTo(knowsResident ? self.number("residentBytes") : -1);
            assertThat(seen.roundingBytes()).isEqualTo(-1);
        }
        assertThat(told.get(1).number("allocatedBytes")).isPositive();
        assertThat(told.get(SAMPLED).number("samplingBytes")).isPositive();
        assertThat(told.get(GUARDED).number("samplingBytes")).isPositive();
        assertThat(told.get(5).number("quarantinedBytes")).isPositive();
        assertThat(told.get(6).number("returnedBytes")).isPositive();
    }

    @Test
    void aStoppedProcessAndItsCoreTellWhatItToldItself(@TempDir Path folder) throws Exception {
        Path core = folder.resolve("core");
        try (PeerJvm peer = PeerJvm.start(BooksPeer.class)) {
            List<Told> told = told(peer);
            signal(peer, "STOP");

            HeapBooks books = HeapBooks.of(peer.pid());

            assertSame(books.heaps(), told, true);
            assertThat(books.pid()).isEqualTo(peer.pid());
            assertThat(books.name()).isEqualTo("java");
            assertThat(books.isCore()).isFalse();
            assertThat(books.libraries()).isEqualTo(1);
            assertThat(books.notes()).isEmpty();

            CoreWriter.write(peer.pid(), core, "");
            HeapBooks dead = HeapBooks.ofCore(core);
            assertSame(dead.heaps(), told, false);
            assertThat(dead.pid()).isEqualTo(peer.pid());
            assertThat(dead.name()).isEqualTo("java");
            assertThat(dead.isCore()).isTrue();
            assertThat(dead.notes()).isEmpty();
            AddressSpace space = AddressSpace.ofCore(core);
            space.verify();
            assertThat(space.sums(AreaKind.HUGE_BLOCK)).hasSize(HEAPS);
            assertThat(space.sums()).containsKeys(AreaKind.SLAB, AreaKind.LARGE_BLOCK, AreaKind.LIBRARY_TEXT);

            Path without = folder.resolve("without");
            CoreWriter.write(peer.pid(), without, "malloc4j-root");
            HeapBooks blind = HeapBooks.ofCore(without);
            assertThat(blind.heaps()).isEmpty();
            assertThat(blind.libraries()).isEqualTo(1);
            assertThat(blind.notes()).singleElement().asString().contains("are not in the core file");
        }
        breakIt(core);
    }

    /// Cuts a core, and turns bytes of it: what is read is told, or it is no core any more.
    private static void breakIt(Path core) throws IOException {
        SplittableRandom random = new SplittableRandom(0x76);
        long whole = Files.size(core);
        int read = 0;
        try (RandomAccessFile file = new RandomAccessFile(core.toFile(), "rw")) {
            long headers = headerBytes(file);
            for (int round = 0; round < ROUNDS; round++) {
                long[] places = new long[round % 20 == 0 ? 0 : 1 + random.nextInt(8)];
                int[] before = new int[places.length];
                for (int index = 0; index < places.length; index++) {
                    places[index] = random.nextLong(random.nextInt(3) == 0 ? whole : headers);
                    file.seek(places[index]);
                    before[index] = file.read();
                    file.seek(places[index]);
                    file.write(random.nextBoolean() ? random.nextInt(256) : before[index] ^ 1 << random.nextInt(8));
                }
                if (isRead(core)) {
                    read++;
                }
                for (int index = places.length - 1; index >= 0; index--) {
                    file.seek(places[index]);
                    file.write(before[index]);
                }
            }
            assertThat(isRead(core)).as("it is whole again").isTrue();
            for (int cut = 0; cut < ROUNDS / 10; cut++) {
                file.setLength(Math.max(0, file.length() - 1 - random.nextLong(1 + file.length() / 8)));
                if (isRead(core)) {
                    read++;
                }
            }
        }
        assertThat(read).isPositive().isLessThan(ROUNDS + ROUNDS / 10);
    }

    private static long headerBytes(RandomAccessFile core) throws IOException {
        core.seek(56);
        return 64 + 56L * Short.toUnsignedInt(Short.reverseBytes(core.readShort())) + (64 << 10);
    }

    private static boolean isRead(Path core) throws IOException {
        try {
            for (HeapBook heap : HeapBooks.ofCore(core).heaps()) {
                assertThat(heap.footprint().mappedBytes()).isNotNegative();
            }
            AddressSpace.ofCore(core).verify();
            return true;
        } catch (UnreadableCoreException told) {
            assertThat(told.getMessage()).startsWith("is ");
            return false;
        }
    }

    @Test
    void aProcessThatRunsAtFullSpeedIsReadAllTheSame() throws Exception {
        try (PeerJvm peer = PeerJvm.start(BooksPeer.class)) {
            List<Told> told = told(peer);
            peer.say("run");
            assertThat(peer.line()).isEqualTo("running");
            for (int look = 0; look < LOOKS; look++) {
                List<HeapBook> heaps = HeapBooks.of(peer.pid()).heaps();
                assertThat(heaps).hasSize(HEAPS);
                for (int index = 0; index < HEAPS; index++) {
                    HeapFootprint seen = heaps.get(index).footprint();
                    long mapped = seen.mappedBytes() + seen.retainedBytes();
                    long before = told.get(index).number("mappedBytes")
                            + told.get(index).number("retainedBytes");
                    if (index > 1) {
                        assertThat(mapped).as("nobody uses it").isEqualTo(before);
                    } else {
                        long huge = heaps.get(index).hugeBlocks().stream()
                                .mapToLong(HeapSnapshot.Block::byteSize)
                                .sum();
                        assertThat(seen.allocatedBytes()).isGreaterThan(huge);
                        assertThat(seen.movingBytes())
                                .as("what changes hands is little")
                                .isLessThan(mapped / 4);
                        assertThat(seen.dirtyBytes() + seen.retainedBytes()).isLessThan(mapped);
                    }
                }
            }
            peer.kill();
            long gone = peer.pid();
            assertThatThrownBy(() -> HeapBooks.of(gone))
                    .isInstanceOfSatisfying(
                            UnreadableProcessException.class,
                            unreadable -> assertThat(unreadable.isGone()).isTrue());
        }
    }

    @Test
    void whatHasNoHeapHasNoBooks(@TempDir Path folder) throws Exception {
        try (IdleProcess process = IdleProcess.start("cat")) {
            HeapBooks books = HeapBooks.of(process.pid());
            assertThat(books.libraries()).isZero();
            assertThat(books.name()).isEqualTo("cat");
        }
        assertThatThrownBy(() -> HeapBooks.of(0)).isInstanceOf(IllegalArgumentException.class);
        Path text = Files.writeString(folder.resolve("text"), "no core");
        assertThatThrownBy(() -> HeapBooks.ofCore(text))
                .isInstanceOf(UnreadableCoreException.class)
                .hasMessage("is no core file");
        Path empty = Files.createFile(folder.resolve("empty"));
        assertThatThrownBy(() -> HeapBooks.ofCore(empty)).hasMessage("is empty");
        Path program = Path.of("/proc/self/exe");
        assertThatThrownBy(() -> HeapBooks.ofCore(program)).hasMessageContaining("is an ELF file, but no core");
    }
}
