package malloc4j.internal.proc;

import java.util.List;
import malloc4j.observe.Area;
import malloc4j.observe.MappedRange;
import malloc4j.observe.MemoryUse;
import org.jspecify.annotations.Nullable;

/// What [LayoutReader] has read of a process and its memory.
///
/// @param pid the process's number, as its own files tell it
/// @param name of the process, up to 15 letters
/// @param program its path, empty where that may not be read
/// @param pageBytes the kernel's page
/// @param mappings every mapping, in address order
/// @param areas every area, in address order
/// @param rollup the kernel's own sum, or null where it does not tell
/// @param startBreak where the program break began, 0 where it may not be known
/// @param interpreter where the dynamic linker lies, 0 where there is none
/// @param notes what could not be told, a line each
public record ProcessLayout(
        long pid,
        String name,
        String program,
        long pageBytes,
        List<MappedRange> mappings,
        List<Area> areas,
        @Nullable MemoryUse rollup,
        long startBreak,
        long interpreter,
        List<String> notes) {}
