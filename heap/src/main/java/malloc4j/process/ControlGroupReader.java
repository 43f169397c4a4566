package malloc4j.process;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import malloc4j.internal.proc.SystemFiles;
import malloc4j.process.MemoryLimits.ControlGroup;
import malloc4j.process.MemoryLimits.Level;
import malloc4j.process.MemoryLimits.Pressure;
import org.jspecify.annotations.Nullable;

/// Finds the control group that counts a process's memory, of either version, and reads the limits of it and of
/// every group above it.
///
/// ```
/// /proc/PID/cgroup      4:memory:/docker/6f2a     version 1       0::/system.slice/app.service     version 2
/// /proc/self/mountinfo  root /docker/6f2a at /sys/fs/cgroup/memory: what lies below it can be seen here
///
///   group    /docker/6f2a/app                        mount root     /docker/6f2a
///   its directory: the mount point, and what the group's path has beyond the mount's root:  .../memory/app
///   levels:  .../memory/app  then  .../memory        above the mount point is out of sight
/// ```
///
/// A hierarchy may be mounted several times, whole or in parts: a mount counts when its root is the group or above
/// it, and the group's directory is there. Where both versions are mounted, memory is counted by the one that has the
/// memory controller.
///
/// @source [cgroups(7)](https://man7.org/linux/man-pages/man7/cgroups.7.html);
///     [cgroup_namespaces(7)](https://man7.org/linux/man-pages/man7/cgroup_namespaces.7.html)
final class ControlGroupReader {
    private static final String MOUNTS = "/proc/self/mountinfo";
    private static final String REMOVED = " (deleted)";
    private static final long NO_LIMIT_FROM = 1L << 62; // version 1 writes LONG_MAX rounded down to a page
    private static final Pattern ESCAPE = Pattern.compile("\\\\([0-7]{3})");

    private final SystemFiles files;
    private final String process;
    private @Nullable Place place;
    private String whyNot = "";

    /// Where a group is.
    ///
    /// @param group its path in its hierarchy
    /// @param mountPoint the directory above which nothing can be seen
    /// @param directory of the group
    private record Place(int version, String group, String mountPoint, String directory) {}

    /// @param process its directory, such as `/proc/4711`
    ControlGroupReader(SystemFiles files, String process) {
        this.files = files;
        this.process = process;
        try {
            place = find();
        } catch (IOException unreadable) {
            whyNot = SystemFiles.reason(unreadable);
        }
    }

    Reading<ControlGroup> read() {
        Place found = place;
        if (found == null) {
            return Reading.unknown(whyNot);
        }
        List<Level> levels = new ArrayList<>();
        String directory = found.directory();
        boolean goesOn = true;
        while (goesOn) {
            levels.add(level(found, directory));
            goesOn = directory.length() > found.mountPoint().length();
            if (goesOn) {
                directory = directory.substring(0, directory.lastIndexOf('/'));
                goesOn = countsChildren(found, directory);
            }
        }
        return Reading.of(new ControlGroup(found.version(), found.group(), List.copyOf(levels)));
    }

    /// Whether the groups below `directory` count in it: in version 1 it could be otherwise, until Linux 5.11.
    private boolean countsChildren(Place found, String directory) {
        try {
            return found.version() == 2
                    || !files.text(directory + "/memory.use_hierarchy").equals("0");
        } catch (IOException gone) {
            return true;
        }
    }

    Reading<Pressure> pressure(LimitsReader reader) {
        Place found = place;
        if (found == null) {
            return Reading.unknown(whyNot);
        }
        return found.version() == 1
                ? Reading.unknown("control groups of version 1 do not tell it")
                : reader.pressure(found.directory() + "/memory.pressure");
    }

    private Level level(Place found, String directory) {
        String path = directory.equals(found.mountPoint())
                ? "/"
                : directory.substring(found.mountPoint().length());
        if (found.version() == 1) {
            return new Level(
                    path,
                    bytes(directory, "memory.limit_in_bytes"),
                    Reading.unknown("control groups of version 1 have none"),
                    bytes(directory, "memory.usage_in_bytes"),
                    bytes(directory, "memory.memsw.limit_in_bytes"),
                    bytes(directory, "memory.memsw.usage_in_bytes"));
        }
        return new Level(
                path,
                bytes(directory, "memory.max"),
                bytes(directory, "memory.high"),
                bytes(directory, "memory.current"),
                bytes(directory, "memory.swap.max"),
                bytes(directory, "memory.swap.current"));
    }

    private Reading<Long> bytes(String directory, String name) {
        try {
            String text = files.text(directory + "/" + name);
            long value = text.equals("max") ? MemoryLimits.UNLIMITED : Long.parseLong(text);
            return Reading.of(value >= NO_LIMIT_FROM ? MemoryLimits.UNLIMITED : value);
        } catch (IOException missing) {
            return Reading.unknown(
                    files.exists(directory) ? "this group has no " + name : "out of sight: " + directory);
        } catch (NumberFormatException unexpected) {
            return Reading.unknown(directory + "/" + name + " is no number");
        }
    }

    private Place find() throws IOException {
        @Nullable String second = null;
        for (String line : files.lines(process + "/cgroup")) {
            String[] parts = line.split(":", 3);
            if (parts.length == 3 && List.of(parts[1].split(",", -1)).contains("memory")) {
                return place(1, parts[2]);
            }
            if (parts.length == 3 && parts[0].equals("0") && parts[1].isEmpty()) {
                second = parts[2];
            }
        }
        if (second == null) {
            throw new IOException("this process is in no control group for memory");
        }
        return place(2, second);
    }

    /// Of the mounts that have the group the one that shows most of what is above it. Where none has it, as in a
    /// container that sees paths of the host, the first that shows what this process may see at all: itself the root.
    private Place place(int version, String group) throws IOException {
        @Nullable Place best = null;
        @Nullable Place whole = null;
        int bestLevels = 0;
        for (Mount mount : mounts(version)) {
            String directory = directory(mount, group);
            if (directory != null) {
                int levels = directory.length() - mount.point().length();
                if (best == null || levels > bestLevels) {
                    best = new Place(version, group, mount.point(), directory);
                    bestLevels = levels;
                }
            } else if (whole == null && isOwnRoot(mount) && files.exists(mount.point())) {
                whole = new Place(version, group, mount.point(), mount.point());
            }
        }
        if (best != null) {
            return best;
        }
        if (whole != null && process.equals(LimitsReader.THIS_PROCESS)) {
            return whole;
        }
        throw new IOException("control group " + group + " of version " + version + " is not mounted here");
    }

    /// One mount of a hierarchy.
    ///
    /// @param root the group that its first directory is
    private record Mount(String root, String point) {}

    /// `35 31 0:32 ROOT POINT options - TYPE source options`
    private List<Mount> mounts(int version) throws IOException {
        List<Mount> mounts = new ArrayList<>();
        for (String line : files.lines(MOUNTS)) {
            String[] fields = line.split(" ", -1);
            int dash = List.of(fields).indexOf("-");
            if (dash < 6 || fields.length < dash + 4) {
                continue;
            }
            String type = fields[dash + 1];
            boolean isIt = version == 2
                    ? type.equals("cgroup2")
                    : type.equals("cgroup")
                            && List.of(fields[dash + 3].split(",", -1)).contains("memory");
            if (isIt) {
                String point = unescape(fields[4]);
                mounts.add(new Mount(unescape(fields[3]), point.equals("/") ? "" : point));
            }
        }
        if (mounts.isEmpty()) {
            throw new IOException("control groups of version " + version + " are not mounted here");
        }
        return mounts;
    }

    /// The directory of a group in a mount, or null where the mount does not have it. Of a group that was removed
    /// while a process is in it, which the kernel says behind its name, the directory of the next one above.
    private @Nullable String directory(Mount mount, String group) {
        String base = mount.root().equals("/") ? "" : mount.root();
        boolean isBelow = group.equals("/") ? base.isEmpty() : group.equals(base) || group.startsWith(base + "/");
        if (!isBelow || List.of(group.split("/", -1)).contains("..")) {
            return null;
        }
        String directory = mount.point() + (group.equals("/") ? "" : group.substring(base.length()));
        boolean isRemoved = group.endsWith(REMOVED) && !files.exists(directory);
        while (isRemoved && directory.length() > mount.point().length() && !files.exists(directory)) {
            directory = directory.substring(0, directory.lastIndexOf('/'));
        }
        return files.exists(directory.isEmpty() ? "/" : directory) ? directory : null;
    }

    /// Whether a mount's first directory is the root of what this process sees, or a group above that.
    private static boolean isOwnRoot(Mount mount) {
        return mount.root().equals("/") || mount.root().matches("(/\\.\\.)+");
    }

    private static String unescape(String path) {
        return ESCAPE.matcher(path).replaceAll(found -> {
            char letter = (char) Integer.parseInt(found.group(1), 8);
            return letter == '\\' || letter == '$' ? "\\" + letter : String.valueOf(letter);
        });
    }
}
