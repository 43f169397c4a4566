package malloc4j.internal.proc;

import static org.assertj.core.api.Assertions.assertThat;

import malloc4j.observe.AreaKind;
import malloc4j.observe.MappedRange;
import malloc4j.observe.MemoryUse;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Whose a mapping is by the names that kernels and C libraries of several ages give.
class NamesTest {
    @ParameterizedTest
    @CsvSource({
        "'',                                rw-p, ANONYMOUS,         ''",
        "'',                                ---p, RESERVED,          ''",
        "'',                                rw-s, SHARED_MEMORY,     ''",
        "[heap],                            rw-p, BREAK,             ''",
        "[stack],                           rw-p, STACK,             main",
        "[stack:4712],                      rw-p, STACK,             [stack:4712]",
        "[vdso],                            r-xp, VDSO,              ''",
        "[vvar],                            r--p, VVAR,              ''",
        "[vvar_vclock],                     r--p, VVAR,              ''",
        "[vsyscall],                        --xp, VSYSCALL,          ''",
        "[uprobes],                         --xp, KERNEL_OTHER,      [uprobes]",
        "[anon:my own],                     rw-p, ANONYMOUS,         my own",
        "[anon:my own],                     ---p, RESERVED,          my own",
        "[anon_shmem:my own],               rw-s, SHARED_MEMORY,     my own",
        "[anon: glibc: malloc arena],       rw-p, C_ARENA,           glibc: malloc arena",
        "[anon: glibc: malloc],             rw-p, C_LARGE_BLOCK,     glibc: malloc",
        "[anon: glibc: pthread stack: 7],   rw-p, STACK,             glibc: pthread stack: 7",
        "[anon: glibc: pthread stack: 7],   ---p, STACK_GUARD,       glibc: pthread stack: 7",
        "/usr/bin/cat,                      r-xp, PROGRAM_TEXT,      cat",
        "/usr/bin/cat,                      r--p, PROGRAM_CONSTANTS, cat",
        "/usr/bin/cat,                      rw-p, PROGRAM_DATA,      cat",
        "/usr/lib/libc.so.6,                r-xp, LIBRARY_TEXT,      libc.so.6",
        "/usr/lib/libc.so.6,                ---p, LIBRARY_CONSTANTS, libc.so.6",
        "/usr/lib/libc.so.6,                rw-p, LIBRARY_DATA,      libc.so.6",
        "/usr/lib/locale-archive,           r--p, MAPPED_FILE,       locale-archive",
        "/dev/shm/prices,                   rw-s, SHARED_MEMORY,     prices",
        "/memfd:ring (deleted),             rw-s, SHARED_MEMORY,     memfd:ring",
        "/SYSV00000000 (deleted),           rw-s, SHARED_MEMORY,     SYSV00000000",
        "/dev/zero (deleted),               rw-s, SHARED_MEMORY,     zero",
        "/anon_hugepage (deleted),          rw-p, SHARED_MEMORY,     anon_hugepage",
        "/secretmem (deleted),              rw-s, SECRET_MEMORY,     secretmem",
    })
    void kindAndOwner(String name, String rights, AreaKind kind, String owner) {
        Mappings mappings = new Mappings();
        mappings.append(range(0x1000, "/usr/bin/cat", "r-xp"));
        mappings.append(range(0x2000, "/usr/lib/libc.so.6", "r-xp"));
        MappedRange range = range(0x3000, name, rights);
        mappings.append(range);

        for (Names names : new Names[] {new Names(mappings, "/usr/bin/cat", 0), new Names(mappings, "", 0x1234)}) {
            assertThat(names.kind(range)).isEqualTo(kind);
            assertThat(names.owner(range)).isEqualTo(owner);
            assertThat(names.detail(range)).isEqualTo(name.startsWith("/") ? name : "");
        }
    }

    private static MappedRange range(long address, String name, String rights) {
        int inode = name.startsWith("/") ? 1 + name.length() : 0; // of each of these its own
        return new MappedRange(address, 0x1000, rights, 0, "00:00", inode, name, "", MemoryUse.NONE);
    }
}
