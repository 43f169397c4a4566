package malloc4j.observe;

/// What a range of a process's addresses is for.
///
/// @since 0.1.0
public enum AreaKind {
    PROGRAM_TEXT(Group.PROGRAM, "text"),
    PROGRAM_CONSTANTS(Group.PROGRAM, "constants"),
    PROGRAM_DATA(Group.PROGRAM, "data"),
    /// Data that begins as zero and is in no file.
    PROGRAM_BSS(Group.PROGRAM, "bss"),

    LIBRARY_TEXT(Group.LIBRARIES, "text"),
    LIBRARY_CONSTANTS(Group.LIBRARIES, "constants"),
    LIBRARY_DATA(Group.LIBRARIES, "data"),
    LIBRARY_BSS(Group.LIBRARIES, "bss"),

    /// What the program break has given: glibc's main arena, in most programs.
    BREAK(Group.C_HEAP, "brk heap"),
    /// A heap of one of glibc's further arenas: 64 MiB of addresses, committed from below.
    C_ARENA(Group.C_HEAP, "arena"),
    /// A block that glibc has mapped for itself.
    C_LARGE_BLOCK(Group.C_HEAP, "mapped block"),

    STACK(Group.STACKS, "stack"),
    /// Pages that fault when a stack grows into them.
    STACK_GUARD(Group.STACKS, "guard"),

    JAVA_HEAP(Group.JVM, "Java heap"),
    CODE_CACHE(Group.JVM, "code cache"),
    METASPACE(Group.JVM, "metaspace"),
    CLASS_SPACE(Group.JVM, "class space"),
    /// The archive of loaded classes (class data sharing).
    CDS_ARCHIVE(Group.JVM, "CDS archive"),
    /// Tables of the garbage collector.
    GC_TABLES(Group.JVM, "GC tables"),
    /// The counters that `jps` and `jstat` read.
    PERFORMANCE_DATA(Group.JVM, "perf counters"),

    /// A slab: 64 KiB cut into blocks of one size.
    SLAB(Group.MALLOC4J, "slabs"),
    /// A block of whole pages.
    LARGE_BLOCK(Group.MALLOC4J, "large block"),
    /// A block with a mapping of its own.
    HUGE_BLOCK(Group.MALLOC4J, "huge block"),
    /// Pages of an extent that no block has.
    FREE_PAGES(Group.MALLOC4J, "free pages"),
    /// What describes slabs and pages.
    RECORDS(Group.MALLOC4J, "records"),
    /// Addresses of the zone that no heap has.
    ZONE_RESERVE(Group.MALLOC4J, "zone reserve"),
    /// Addresses that are never used, to keep others' memory apart from ours.
    MOAT(Group.MALLOC4J, "moat"),

    MAPPED_FILE(Group.FILES, "file"),
    /// Shared memory: POSIX, System V, a memory file, or shared without a name.
    SHARED_MEMORY(Group.FILES, "shared memory"),
    /// Memory that the kernel itself cannot reach.
    SECRET_MEMORY(Group.FILES, "secret memory"),

    VDSO(Group.KERNEL, "vdso"),
    VVAR(Group.KERNEL, "vvar"),
    VSYSCALL(Group.KERNEL, "vsyscall"),
    /// Another mapping that the kernel itself names.
    KERNEL_OTHER(Group.KERNEL, "kernel"),

    /// Memory that nothing tells the owner of.
    ANONYMOUS(Group.ANONYMOUS, "anonymous"),
    /// Addresses without memory that nothing tells the owner of.
    RESERVED(Group.ANONYMOUS, "reserved");

    /// Kinds that belong together.
    public enum Group {
        KERNEL("kernel"),
        STACKS("stacks"),
        LIBRARIES("libraries"),
        FILES("files and shared memory"),
        JVM("JVM"),
        MALLOC4J("malloc4j"),
        C_HEAP("C heap"),
        PROGRAM("program"),
        ANONYMOUS("anonymous");

        private final String label;

        Group(String label) {
            this.label = label;
        }

        /// Its name for people.
        public String label() {
            return label;
        }
    }

    private final Group group;
    private final String label;

    AreaKind(Group group, String label) {
        this.group = group;
        this.label = label;
    }

    public Group group() {
        return group;
    }

    /// Its name for people, to be read with the group's.
    public String label() {
        return label;
    }
}
