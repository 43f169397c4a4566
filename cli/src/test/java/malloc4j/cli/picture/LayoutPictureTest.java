package malloc4j.cli.picture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import malloc4j.observe.AreaKind;
import malloc4j.observe.MappedRange;
import malloc4j.process.AddressSpace;
import malloc4j.process.RecordedMachine;
import malloc4j.process.UnreadableProcessException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A process of an old kernel, written down: what is told of it, and how it looks to people. Its memory cannot be read,
/// as that of a process which may not be traced.
class LayoutPictureTest {
    private static final String OLD_SMAPS = """
            00400000-0040b000 r-xp 00000000 fd:00 135058                             /usr/bin/cat
            Size:                 44 kB
            Rss:                  40 kB
            Pss:                  40 kB
            Shared_Clean:          0 kB
            Shared_Dirty:          0 kB
            Private_Clean:        40 kB
            Private_Dirty:         0 kB
            Referenced:           40 kB
            Anonymous:             0 kB
            AnonHugePages:         0 kB
            Swap:                  0 kB
            KernelPageSize:        4 kB
            MMUPageSize:           4 kB
            Locked:                0 kB
            0060b000-0060c000 rw-p 0000b000 fd:00 135058                             /usr/bin/cat
            Rss:                   4 kB
            Pss:                   4 kB
            Private_Dirty:         4 kB
            Anonymous:             4 kB
            01d2b000-01d4c000 rw-p 00000000 00:00 0                                  [heap]
            Rss:                   8 kB
            Pss:                   8 kB
            Private_Dirty:         8 kB
            Anonymous:             8 kB
            Swap:                 12 kB
            7f5c40000000-7f5c40021000 rw-p 00000000 00:00 0
            Rss:                  16 kB
            Pss:                  16 kB
            Private_Dirty:        16 kB
            Anonymous:            16 kB
            7f5c40021000-7f5c44000000 ---p 00000000 00:00 0
            Rss:                   0 kB
            7f5c5e9d2000-7f5c5eb8a000 r-xp 00000000 fd:00 3151                       /usr/lib64/libc-2.17.so
            Rss:                 200 kB
            Pss:                  20 kB
            Shared_Clean:        200 kB
            Referenced:          200 kB
            7f5c5eb8a000-7f5c5ed8a000 ---p 001b8000 fd:00 3151                       /usr/lib64/libc-2.17.so
            7f5c5ed8a000-7f5c5ed8e000 r--p 001b8000 fd:00 3151                       /usr/lib64/libc-2.17.so
            Rss:                  16 kB
            Pss:                  16 kB
            Private_Dirty:        16 kB
            7f5c5ed8e000-7f5c5ed90000 rw-p 001bc000 fd:00 3151                       /usr/lib64/libc-2.17.so
            Rss:                   8 kB
            Pss:                   8 kB
            Private_Dirty:         8 kB
            7f5c5efb0000-7f5c5efb1000 rw-s 00000000 00:04 32769                      /SYSV00000000 (deleted)
            7f5c5efb1000-7f5c5efb2000 r--p 00000000 fd:00 77                         /tmp/a b\\012c/one (deleted)
            Rss:                   4 kB
            Pss:                   4 kB
            Private_Clean:         4 kB
            7f5c5efb2000-7f5c5efb3000 r--p 00000000 fd:00 78                         /tmp/a b\\012c/two\u001b[31m
            7f5c5efb3000-7f5c5efb4000 rw-p 00000000 00:00 0                          [stack:4712]
            7fff2f7e5000-7fff2f806000 rw-p 00000000 00:00 0                          [stack]
            Rss:                  12 kB
            Pss:                  12 kB
            Private_Dirty:        12 kB
            Anonymous:            12 kB
            7fff2f9fe000-7fff2fa00000 r-xp 00000000 00:00 0                          [vdso]
            Rss:                   4 kB
            Pss:                   0 kB
            Shared_Clean:          4 kB
            ffffffffff600000-ffffffffff601000 r-xp 00000000 00:00 0                  [vsyscall]
            """;

    /// A name with a blank and a bracket; field 22 is when it started, 26 where its code is, 47 where the break began.
    private static final String STAT = "4711 (c) at) S 1 4711 4711 0 -1 4202496 203 0 0 0 0 0 0 0 20 0 1 0"
            + " 8273829 110321664 72 18446744073709551615 4194304 4238764 140733990757520 0 0 0 0 0 0 0 0 0 17 1 0 0 0"
            + " 0 0 6339216 6340380 30584832 140733990762000 140733990762004 140733990762004 140733990764527 0\n";

    @TempDir
    Path root;

    private Path process;

    @BeforeEach
    void writeProcess() throws IOException {
        process = Files.createDirectories(root.resolve("proc/4711"));
        Files.writeString(process.resolve("stat"), STAT);
        Files.writeString(process.resolve("smaps"), OLD_SMAPS);
        Files.createSymbolicLink(process.resolve("exe"), Path.of("/usr/bin/cat"));
    }

    @AfterEach
    void removeLink() throws IOException {
        Files.deleteIfExists(process.resolve("exe"));
    }

    private AddressSpace read() {
        return RecordedMachine.layout(root, 4711);
    }

    @Test
    void tellsWhatCannotBeTold() {
        AddressSpace space = read();

        assertThat(space.notes())
                .containsExactly(
                        "this kernel does not tell Pss_Dirty, KSM, LazyFree, ShmemPmdMapped, FilePmdMapped,"
                                + " Shared_Hugetlb, Private_Hugetlb, SwapPss",
                        "not permitted to read /proc/4711/mem (ptrace): stacks, the JVM's areas, bss and C heaps are"
                                + " anonymous here",
                        "not permitted to read /proc/4711/pagemap: what parts of a mapping hold is told by their"
                                + " sizes");
        assertThat(space.rollup()).isEmpty();
        assertThat(space.name()).isEqualTo("c) at");
        assertThat(space.pid()).isEqualTo(4711);
        assertThat(space.bases().breakStart()).hasValue(0x1d2b000);
        assertThat(space.bases().interpreter()).isEmpty();
    }

    @Test
    void namesAndRightsTellWhatTheyCan() {
        AddressSpace space = read();

        assertThat(space.at(0x400000).orElseThrow().kind()).isEqualTo(AreaKind.PROGRAM_TEXT);
        assertThat(space.at(0x60b000).orElseThrow().kind()).isEqualTo(AreaKind.PROGRAM_DATA);
        assertThat(space.at(0x7f5c40021000L).orElseThrow().kind()).isEqualTo(AreaKind.RESERVED);
        assertThat(space.at(0x7f5c5eb8a000L).orElseThrow().kind()).isEqualTo(AreaKind.LIBRARY_CONSTANTS);
        assertThat(space.at(0x7f5c5efb0000L).orElseThrow().kind()).isEqualTo(AreaKind.SHARED_MEMORY);
        assertThat(space.at(0x7f5c5efb1000L).orElseThrow().mapping().isDeleted())
                .isTrue();
        assertThat(space.at(0x7f5c5efb3000L).orElseThrow().owner()).isEqualTo("[stack:4712]");
        assertThat(space.at(0xffffffffff600fffL).orElseThrow().kind()).isEqualTo(AreaKind.VSYSCALL);
        assertThat(space.at(0xffffffffff601000L)).isEmpty();
        assertThat(space.gaps()).hasSize(8);
    }

    @Test
    void theDrawingHasTheZonesTheHighestFirst() {
        assertThat(LayoutPicture.drawing(read(), Texts.WIDE)).isEqualTo("""
                                                                   size   resident
                ffffffffff601000 +--------------------------------------------------+
                                 | KERNEL                                           |
                                 |   kernel                       4 KiB             |
                ffffffffff600000 +--------------------------------------------------+
                                 :   not for programs            16 EiB             :
                    7fff2fa00000 +--------------------------------------------------+
                                 | KERNEL                                           |
                                 |   kernel                       8 KiB      4 KiB  |
                    7fff2f9fe000 +--------------------------------------------------+
                                 :   gap                          2 MiB             :
                    7fff2f806000 +--------------------------------------------------+ stack top
                                 | STACK                                            |
                                 |   stacks                     132 KiB     12 KiB  |
                    7fff2f7e5000 +--------------------------------------------------+
                                 :   gap                        651 GiB             :
                    7f5c5efb4000 +--------------------------------------------------+ mmap top
                                 | MMAP ZONE                                        |
                                 |   libraries                  3.7 MiB    224 KiB  |
                                 |   anonymous, reserved         64 MiB     16 KiB  |
                                 |   files and shared memory     12 KiB      4 KiB  |
                                 |   stacks                       4 KiB             |
                    7f5c40000000 +--------------------------------------------------+
                                 :   gap                        127 TiB             :
                    000001d4c000 +--------------------------------------------------+ program break
                                 | BRK HEAP                                         |
                                 |   C heap                     132 KiB      8 KiB  |
                    000001d2b000 +--------------------------------------------------+ break start
                                 :   gap                       23.1 MiB             :
                    00000060c000 +--------------------------------------------------+
                                 | PROGRAM                                          |
                                 |   program                     48 KiB     44 KiB  |
                    000000400000 +--------------------------------------------------+ program start
                                 :   gap                          4 MiB             :
                    000000000000 +--------------------------------------------------+
                """);
    }

    @Test
    void theTableHasOneLineForWhatLiesSideBySideAndHasOneOwner() {
        assertThat(LayoutPicture.table(read(), Texts.WIDE)).isEqualTo("""
                address               size  resident   dirty  swapped  rights               what           whose
                ffffffffff600000     4 KiB         -       -        -  r-xp                 vsyscall
                            . . . 16 EiB
                7fff2f9fe000         8 KiB     4 KiB       -        -  r-xp                 vdso
                            . . . 2 MiB
                7fff2f7e5000       132 KiB    12 KiB  12 KiB        -  rw-p                 stack          main
                            . . . 651 GiB
                7f5c5efb3000         4 KiB         -       -        -  rw-p                 stack          [stack:4712]
                7f5c5efb1000         8 KiB     4 KiB       -        -  r--p                 file           /tmp/a b\\012c/, 2 files
                7f5c5efb0000         4 KiB         -       -        -  rw-s                 shared memory  /SYSV00000000 (deleted)
                            . . . 2.1 MiB
                7f5c5e9d2000       3.7 MiB   224 KiB  24 KiB        -  rw-p r-xp r--p ---p  library        libc-2.17.so
                            . . . 426 MiB
                7f5c40021000      63.9 MiB         -       -        -  ---p                 reserved
                7f5c40000000       132 KiB    16 KiB  16 KiB        -  rw-p                 anonymous
                            . . . 127 TiB
                000001d2b000       132 KiB     8 KiB   8 KiB   12 KiB  rw-p                 brk heap
                            . . . 23.1 MiB
                00000060b000         4 KiB     4 KiB   4 KiB        -  rw-p                 program        cat
                            . . . 2 MiB
                000000400000        44 KiB    40 KiB       -        -  r-xp                 program        cat
                """);
    }

    @Test
    void theSumsAreInTheOrderOfWhatIsResident() {
        assertThat(LayoutPicture.sums(read(), Texts.WIDE)).isEqualTo("""
                                                        areas      size  resident  proportional  private   dirty  swapped
                libraries                text               1   1.7 MiB   200 KiB        20 KiB        -       -        -
                                         constants          2     2 MiB    16 KiB        16 KiB   16 KiB  16 KiB        -
                                         data               1     8 KiB     8 KiB         8 KiB    8 KiB   8 KiB        -
                program                  text               1    44 KiB    40 KiB        40 KiB   40 KiB       -        -
                                         data               1     4 KiB     4 KiB         4 KiB    4 KiB   4 KiB        -
                anonymous                anonymous          1   132 KiB    16 KiB        16 KiB   16 KiB  16 KiB        -
                                         reserved           1  63.9 MiB         -             -        -       -        -
                stacks                   stack              2   136 KiB    12 KiB        12 KiB   12 KiB  12 KiB        -
                C heap                   brk heap           1   132 KiB     8 KiB         8 KiB    8 KiB   8 KiB   12 KiB
                kernel                   vdso               1     8 KiB     4 KiB             -        -       -        -
                                         vsyscall           1     4 KiB         -             -        -       -        -
                files and shared memory  file               2     8 KiB     4 KiB         4 KiB    4 KiB       -        -
                                         shared memory      1     4 KiB         -             -        -       -        -
                all                                        16  68.1 MiB   312 KiB       128 KiB  108 KiB  64 KiB   12 KiB
                """);
    }

    @Test
    void withoutALinkToTheProgramItsCodeTells() throws IOException {
        Files.delete(process.resolve("exe"));

        AddressSpace space = read();

        assertThat(space.program()).isEmpty();
        assertThat(space.at(0x400000).orElseThrow().kind()).isEqualTo(AreaKind.PROGRAM_TEXT);
    }

    @Test
    void aKernelWithoutSmapsTellsTheMappingsAlone() throws IOException {
        Files.delete(process.resolve("smaps"));
        StringBuilder maps = new StringBuilder();
        OLD_SMAPS.lines().filter(line -> line.matches("[0-9a-f]+-.*")).forEach(line -> maps.append(line)
                .append('\n'));
        Files.writeString(process.resolve("maps"), maps);

        AddressSpace space = read();

        assertThat(space.mappings()).hasSize(16).extracting(MappedRange::name).contains("[heap]", "[vdso]");
        assertThat(space.total().residentBytes()).isZero();
        assertThat(space.notes()).contains("this kernel has no smaps: nothing tells what the mappings hold");
    }

    @Test
    void aProcessWithoutFilesIsNoProcess() throws IOException {
        Files.delete(process.resolve("stat"));

        assertThatThrownBy(this::read)
                .isInstanceOf(UnreadableProcessException.class)
                .hasMessageContaining("ENOENT (no such file or directory); there is no process with this number");
    }
}
