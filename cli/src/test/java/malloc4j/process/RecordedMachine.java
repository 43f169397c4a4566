package malloc4j.process;

import java.nio.file.Path;
import malloc4j.internal.proc.SystemFiles;

/// What is read from a folder that looks like the root of a machine's files.
public final class RecordedMachine {
    private RecordedMachine() {}

    public static AddressSpace layout(Path root, int pid) {
        AddressSpace space = AddressSpace.read(new SystemFiles(root), "/proc/" + pid, false);
        space.verify();
        return space;
    }

    public static MemoryLimits limits(Path root) {
        return MemoryLimits.read(new SystemFiles(root));
    }
}
