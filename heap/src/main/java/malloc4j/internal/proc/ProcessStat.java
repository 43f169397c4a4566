package malloc4j.internal.proc;

import java.io.IOException;

/// What `/proc/PID/stat` says of a process at one moment.
///
/// ```
///   4711 (a name) S 4700 ...
///   1    2        3 4           the manual's numbers; the name may hold blanks and brackets
/// ```
///
/// @source [proc_pid_stat(5)](https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html)
public final class ProcessStat {
    /// When it started, in ticks since the machine did.
    public static final int START_TIME = 22;

    /// How many bytes are mapped; 0 where there is no memory.
    static final int VIRTUAL_BYTES = 23;

    /// The address of the program's code.
    public static final int START_CODE = 26;

    /// Where the program's initialised data begins.
    public static final int START_DATA = 45;

    /// Where it ends.
    public static final int END_DATA = 46;

    /// Where the program break began.
    public static final int START_BREAK = 47;

    private static final int STATE = 3;
    private static final int FIRST_BEHIND_NAME = STATE;

    private final long pid;
    private final String name;
    private final String[] behindName;

    private ProcessStat(long pid, String name, String[] behindName) {
        this.pid = pid;
        this.name = name;
        this.behindName = behindName;
    }

    /// Reads it.
    ///
    /// @param directory of the process, such as `/proc/4711`
    /// @throws IOException if there is no such process
    public static ProcessStat read(SystemFiles files, String directory) throws IOException {
        String text = files.text(directory + "/stat");
        int nameEnd = text.lastIndexOf(')');
        try {
            return new ProcessStat(
                    Long.parseLong(text.substring(0, text.indexOf(' '))),
                    text.substring(text.indexOf('(') + 1, nameEnd),
                    text.substring(nameEnd + 2).split(" ", -1));
        } catch (NumberFormatException | IndexOutOfBoundsException unexpected) {
            throw new IOException(directory + "/stat does not say what it should", unexpected);
        }
    }

    /// The process's number.
    long pid() {
        return pid;
    }

    /// The process's name, up to 15 letters.
    String name() {
        return name;
    }

    /// Whether it, or the thread that this is of, has ended and is only not waited for.
    boolean hasEnded() {
        String state = behindName[STATE - FIRST_BEHIND_NAME];
        return state.equals("Z") || state.equals("X");
    }

    /// A field by its number, [#START_TIME] or one after it; unsigned, and 0 where it may not be known or this
    /// kernel ends before it.
    public long field(int number) {
        int index = number - FIRST_BEHIND_NAME;
        return index < behindName.length ? Long.parseUnsignedLong(behindName[index]) : 0;
    }
}
