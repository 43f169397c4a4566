package malloc4j.internal.proc;

import java.io.IOException;

/// Where a process's memory, limits and status are told: in its own directory, or, once its first thread has ended
/// while others run on, in the directory of one that runs. Of a thread that has ended the kernel tells no memory, and
/// a process's directory tells what its first thread's does.
public final class LivingThread {
    private LivingThread() {}

    /// The directory to read from: `directory`, or `task/TID` below it.
    ///
    /// @param directory of the process, such as `/proc/4711`
    public static String directory(SystemFiles files, String directory) {
        if (!hasEnded(files, directory)) {
            return directory;
        }
        String tasks = directory + "/task/";
        for (String thread : files.names(tasks)) {
            if (!hasEnded(files, tasks + thread)) {
                return tasks + thread;
            }
        }
        return directory;
    }

    /// Whether the process has memory still: a thread that ends loses it before it is told to have ended.
    static boolean hasMemory(SystemFiles files, String directory) {
        try {
            ProcessStat stat = ProcessStat.read(files, directory(files, directory));
            return !stat.hasEnded() && stat.field(ProcessStat.VIRTUAL_BYTES) != 0;
        } catch (IOException gone) {
            return false;
        }
    }

    private static boolean hasEnded(SystemFiles files, String directory) {
        try {
            return ProcessStat.read(files, directory).hasEnded();
        } catch (IOException gone) {
            return true;
        }
    }
}
