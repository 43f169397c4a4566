package malloc4j.internal.proc;

import java.util.HashSet;
import java.util.Set;
import malloc4j.observe.AreaKind;
import malloc4j.observe.MappedRange;
import org.jspecify.annotations.Nullable;

/// Whose a mapping is by what the kernel says of it: its name and its rights. The last to be asked.
///
/// A file is a program's or a library's when some mapping of it is executable; its parts are told apart by rights:
/// executable is text, writable is data, the rest are constants.
final class Names {
    private static final String NEWLINE = "\\012"; // as the kernel writes it
    private static final Set<String> SHARED_FILES =
            Set.of("/memfd:", "/SYSV", "/dev/zero", "/dev/shm/", "/anon_hugepage");

    private final Set<String> executables;
    private final @Nullable MappedRange program;

    /// @param program the path of the process's program, empty if that is not known
    /// @param startCode the address of its code, which tells as well; 0 if that is not known
    Names(Mappings mappings, String program, long startCode) {
        this.executables = executables(mappings);
        this.program = program(mappings, program, startCode);
    }

    /// A mapping of the program's file: the one that has its code, or where that may not be known, one with its path.
    private static @Nullable MappedRange program(Mappings mappings, String program, long startCode) {
        int code = startCode == 0 ? -1 : mappings.indexAt(startCode);
        if (code >= 0 && mappings.get(code).isFile()) {
            return mappings.get(code);
        }
        String written = program.replace("\n", NEWLINE);
        for (MappedRange range : mappings) {
            if (range.isFile() && range.path().equals(written)) {
                return range;
            }
        }
        return null;
    }

    /// A path in the kernel's list of mappings as the file system has it, unless the file's name has what the kernel
    /// writes for the end of a line.
    static String decoded(String written) {
        return written.replace(NEWLINE, "\n");
    }

    /// What tells a file from others: two may have one name, one after the other, or be written alike.
    static String file(MappedRange range) {
        return range.inode() == 0 ? range.name() : range.device() + " " + range.inode();
    }

    boolean isProgram(MappedRange range) {
        return program != null && range.isFile() && range.isOfSameFile(program);
    }

    /// The files, by [#file], that have an executable mapping.
    static Set<String> executables(Mappings mappings) {
        Set<String> names = new HashSet<>();
        for (MappedRange range : mappings) {
            if (range.isExecutable() && range.isFile()) {
                names.add(file(range));
            }
        }
        return names;
    }

    AreaKind kind(MappedRange range) {
        String name = range.name();
        if (range.isFile()) {
            return kindOfFile(range);
        }
        if (name.startsWith("[stack")) {
            return AreaKind.STACK;
        }
        return switch (name) {
            case "" -> range.isShared() ? AreaKind.SHARED_MEMORY : anonymous(range);
            case "[heap]" -> AreaKind.BREAK;
            case "[vdso]" -> AreaKind.VDSO;
            case "[vvar]", "[vvar_vclock]" -> AreaKind.VVAR;
            case "[vsyscall]" -> AreaKind.VSYSCALL;
            default -> name.startsWith("[anon") ? kindOfNamed(range) : AreaKind.KERNEL_OTHER;
        };
    }

    private static AreaKind anonymous(MappedRange range) {
        return range.isReserved() ? AreaKind.RESERVED : AreaKind.ANONYMOUS;
    }

    /// Memory that the program has named by `PR_SET_VMA_ANON_NAME`, as glibc does when asked to (since 2.39).
    private static AreaKind kindOfNamed(MappedRange range) {
        String name = owner(range.name());
        if (name.startsWith("glibc: malloc arena")) {
            return AreaKind.C_ARENA;
        }
        if (name.startsWith("glibc: malloc")) {
            return AreaKind.C_LARGE_BLOCK;
        }
        if (name.startsWith("glibc: pthread stack")) {
            return range.isReserved() ? AreaKind.STACK_GUARD : AreaKind.STACK;
        }
        return range.isShared() ? AreaKind.SHARED_MEMORY : anonymous(range);
    }

    private AreaKind kindOfFile(MappedRange range) {
        if (executables.contains(file(range))) {
            boolean isProgram = isProgram(range);
            if (range.isExecutable()) {
                return isProgram ? AreaKind.PROGRAM_TEXT : AreaKind.LIBRARY_TEXT;
            }
            if (range.isWritable()) {
                return isProgram ? AreaKind.PROGRAM_DATA : AreaKind.LIBRARY_DATA;
            }
            return isProgram ? AreaKind.PROGRAM_CONSTANTS : AreaKind.LIBRARY_CONSTANTS;
        }
        if (range.path().equals("/secretmem")) {
            return AreaKind.SECRET_MEMORY;
        }
        return SHARED_FILES.stream().anyMatch(range.name()::startsWith) ? AreaKind.SHARED_MEMORY : AreaKind.MAPPED_FILE;
    }

    String owner(MappedRange range) {
        return switch (kind(range)) {
            case BREAK, VDSO, VVAR, VSYSCALL -> "";
            case STACK -> range.name().equals("[stack]") ? "main" : owner(range.name());
            default -> range.isFile() ? range.fileName() : owner(range.name());
        };
    }

    /// `[anon:NAME]` without what the kernel puts around it.
    private static String owner(String name) {
        return name.startsWith("[anon")
                ? name.substring(name.indexOf(':') + 1, name.length() - 1).strip()
                : name;
    }

    String detail(MappedRange range) {
        return range.isFile() ? range.name() : "";
    }
}
