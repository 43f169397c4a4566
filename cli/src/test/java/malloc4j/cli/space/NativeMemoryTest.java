package malloc4j.cli.space;

import static org.assertj.core.api.Assertions.assertThat;

import malloc4j.cli.space.NativeMemory.Category;
import malloc4j.observe.AreaKind;
import malloc4j.observe.OwnedRange;
import org.junit.jupiter.api.Test;

/// A JVM's books, as JDK 17 and JDK 25 print them.
class NativeMemoryTest {
    @Test
    void readsWhatJdk17Prints() {
        NativeMemory books = NativeMemory.parse("""
                4711:

                Native Memory Tracking:

                Total: reserved=1694680KB, committed=317764KB

                -                 Java Heap (reserved=204800KB, committed=204800KB)
                                            (mmap: reserved=204800KB, committed=204800KB)\s

                -                    Thread (reserved=19506KB, committed=846KB)
                                            (thread #19)
                                            (stack: reserved=19456KB, committed=796KB)
                                            (malloc=30KB #118)\s

                -                     Other (reserved=44960KB, committed=44960KB)
                                            (malloc=44960KB #1001)\s
                """);

        assertThat(books.isOn()).isTrue();
        assertThat(books.category("Java Heap")).isEqualTo(new Category(0, 204_800 << 10));
        assertThat(books.category("Thread")).isEqualTo(new Category(30 << 10, 796 << 10));
        assertThat(books.category("Other")).isEqualTo(new Category(44_960 << 10, 0));
        assertThat(books.category("Shenandoah")).isEqualTo(new Category(0, 0));
        assertThat(books.ranges()).isEmpty();
    }

    @Test
    void readsWhatJdk25Prints() {
        NativeMemory books = NativeMemory.parse("""
                -        Shared class space (reserved=16384KB, committed=13908KB, readonly=0KB)
                                            (mmap: reserved=16384KB, committed=13908KB, peak=14116KB)

                -                        GC (reserved=41083KB, committed=41083KB)
                                            (malloc=4287KB tag=GC #1173) (at peak)
                                            (mmap: reserved=36796KB, committed=36796KB, at peak)
                """);

        assertThat(books.category("Shared class space")).isEqualTo(new Category(0, 13_908 << 10));
        assertThat(books.category("GC")).isEqualTo(new Category(4_287 << 10, 36_796 << 10));
    }

    @Test
    void detailsTellWhereTheCollectorsTablesAre() {
        NativeMemory books = NativeMemory.parse("""
                -                        GC (reserved=41083KB, committed=41083KB)
                                            (malloc=4287KB #1173)

                Virtual memory map:

                [0x00000000f3800000 - 0x0000000100000000] reserved and committed 204800KB for Java Heap from
                    [0x00007f8ec98ebf92] G1CollectedHeap::initialize()+0x692
                [0x00007f8e9e000000 - 0x00007f8ea0000000] reserved and committed 32768KB for GC from
                [0x00007f8e4b000000 - 0x00007f8e4f000000] reserved 65536KB for Metaspace from
                    [0x00007f8ec9e2c5e3] thread_native_entry(Thread*)+0xe3

                	[0x00007f8e4b000000 - 0x00007f8e4b010000] committed 64KB from
                                             (malloc=41468KB type=Other #128)
                """);

        assertThat(books.ranges())
                .containsExactly(
                        new OwnedRange(0x7f8e9e000000L, 32 << 20, AreaKind.GC_TABLES, "", ""),
                        new OwnedRange(0x7f8e4b000000L, 64 << 20, AreaKind.METASPACE, "", ""));
        assertThat(books.category("GC").mallocBytes()).isEqualTo(4_287 << 10);
    }

    @Test
    void aJvmWithoutBooksSaysSo() {
        assertThat(NativeMemory.parse("4711:\nNative memory tracking is not enabled\n")
                        .isOn())
                .isFalse();
    }
}
