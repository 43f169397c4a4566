package malloc4j.process;

import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import malloc4j.internal.proc.AuxiliaryVector;
import malloc4j.internal.proc.LivingThread;
import malloc4j.internal.proc.SystemFiles;
import malloc4j.internal.region.Ground;
import malloc4j.process.MemoryLimits.HugePagePool;
import malloc4j.process.MemoryLimits.Machine;
import malloc4j.process.MemoryLimits.MappingCount;
import malloc4j.process.MemoryLimits.Overcommit;
import malloc4j.process.MemoryLimits.OvercommitMode;
import malloc4j.process.MemoryLimits.Pressure;
import malloc4j.process.MemoryLimits.ResourceLimit;
import malloc4j.process.MemoryLimits.Stall;
import malloc4j.process.MemoryLimits.TransparentHugePages;

/// Reads [MemoryLimits] from the kernel's files. A file that is missing, or says something else than its manual,
/// makes the values that would come from it unknown, and no others.
final class LimitsReader {
    private static final String HUGE_PAGES = "/sys/kernel/mm/hugepages";
    private static final String TRANSPARENT = "/sys/kernel/mm/transparent_hugepage";

    /// The directory of the process that this runs in.
    static final String THIS_PROCESS = "/proc/self";

    private final SystemFiles files;
    private final String process;
    private final String directory; // of the process, or of a thread of it that runs

    /// @param process its directory, such as `/proc/4711`
    LimitsReader(SystemFiles files, String process) {
        this.files = files;
        this.process = process;
        this.directory = LivingThread.directory(files, process);
    }

    MemoryLimits read() {
        ControlGroupReader groups = new ControlGroupReader(files, process);
        Reading<Long> mappings = mappings();
        return new MemoryLimits(
                limit("Max address space", "VmSize"),
                limit("Max data size", "VmData"),
                limit("Max stack size", "VmStk"),
                limit("Max locked memory", "VmLck"),
                new MappingCount(
                        mappings,
                        number("/proc/sys/vm/max_map_count"),
                        ours(mappings),
                        Ground.process().mappings().limit()),
                overcommit(),
                new Machine(memory("MemTotal"), memory("MemAvailable"), memory("SwapTotal"), memory("SwapFree")),
                groups.read(),
                pressure("/proc/pressure/memory"),
                groups.pressure(this),
                pageBytes(),
                transparentHugePages(),
                pools());
    }

    private interface Source<T> {
        T read() throws IOException;
    }

    /// What `source` reads of `file`, or why it could not.
    private static <T> Reading<T> reading(String file, Source<T> source) {
        try {
            return Reading.of(source.read());
        } catch (IOException unreadable) {
            return Reading.unknown(SystemFiles.reason(unreadable));
        } catch (NumberFormatException | IndexOutOfBoundsException unexpected) {
            return Reading.unknown(file + " does not say what it should");
        }
    }

    /// The number that a file holds.
    Reading<Long> number(String file) {
        return reading(file, () -> Long.parseLong(files.text(file)));
    }

    // Limits of the process.

    /// `Max data size   unlimited   unlimited   bytes`
    private ResourceLimit limit(String name, String used) {
        return new ResourceLimit(limitColumn(name, 0), limitColumn(name, 1), field(directory + "/status", used));
    }

    private Reading<Long> limitColumn(String name, int column) {
        String file = process + "/limits";
        return reading(file, () -> {
            for (String line : files.lines(file)) {
                if (line.startsWith(name)) {
                    String word = line.substring(name.length()).strip().split("\\s+", -1)[column];
                    return word.equals("unlimited") ? MemoryLimits.UNLIMITED : Long.parseLong(word);
                }
            }
            throw new IOException(file + " does not tell " + name);
        });
    }

    /// No more than all: the count of this library takes no two ranges for neighbours.
    private Reading<Long> ours(Reading<Long> ofProcess) {
        long most = Ground.process().mappings().used();
        return process.equals(THIS_PROCESS)
                ? Reading.of(Math.min(most, ofProcess.orElse(most)))
                : Reading.unknown("another process does not tell it");
    }

    private Reading<Long> mappings() {
        String file = directory + "/maps";
        return reading(file, () -> {
            long lines = 0;
            byte[] buffer = new byte[1 << 16];
            try (InputStream in = files.open(file)) {
                for (int count = in.read(buffer); count > 0; count = in.read(buffer)) {
                    for (int index = 0; index < count; index++) {
                        lines += buffer[index] == '\n' ? 1 : 0;
                    }
                }
            }
            return lines;
        });
    }

    private Reading<Long> pageBytes() {
        String file = directory + "/auxv";
        return reading(file, () -> {
            long pageBytes = AuxiliaryVector.read(files, file).value(AuxiliaryVector.AT_PAGESZ);
            if (pageBytes == 0) {
                throw new IOException(file + " does not tell AT_PAGESZ");
            }
            return pageBytes;
        });
    }

    // The machine.

    private Reading<Long> memory(String name) {
        return field("/proc/meminfo", name);
    }

    /// `Name:   123 kB`, in bytes.
    private Reading<Long> field(String file, String name) {
        return reading(file, () -> {
            for (String line : files.lines(file)) {
                if (line.startsWith(name + ":")) {
                    String value = line.substring(name.length() + 1).strip();
                    return Long.parseLong(value.split("\\s+", -1)[0]) << 10;
                }
            }
            throw new IOException("this kernel does not tell " + name + " in " + file);
        });
    }

    private Overcommit overcommit() {
        return new Overcommit(
                number("/proc/sys/vm/overcommit_memory").map(mode -> switch (mode.intValue()) {
                    case 1 -> OvercommitMode.ALWAYS;
                    case 2 -> OvercommitMode.NEVER;
                    default -> OvercommitMode.HEURISTIC;
                }),
                number("/proc/sys/vm/overcommit_ratio"),
                number("/proc/sys/vm/overcommit_kbytes").map(kib -> kib << 10),
                memory("CommitLimit"),
                memory("Committed_AS"));
    }

    /// ```
    /// some avg10=0.00 avg60=0.12 avg300=0.05 total=123456
    /// full avg10=0.00 avg60=0.00 avg300=0.00 total=1234
    /// ```
    Reading<Pressure> pressure(String file) {
        return reading(file, () -> {
            List<String> lines = files.lines(file);
            return new Pressure(stall(lines.get(0)), stall(lines.get(1)));
        });
    }

    private static Stall stall(String line) {
        String[] words = line.split(" ", -1);
        double[] values = new double[4];
        for (int index = 0; index < values.length; index++) {
            String word = words[index + 1];
            values[index] = Double.parseDouble(word.substring(word.indexOf('=') + 1));
        }
        return new Stall(values[0], values[1], values[2], (long) values[3]);
    }

    // Huge pages.

    private TransparentHugePages transparentHugePages() {
        return new TransparentHugePages(
                choice(TRANSPARENT + "/enabled"),
                choice(TRANSPARENT + "/defrag"),
                choice(TRANSPARENT + "/shmem_enabled"),
                number(TRANSPARENT + "/hpage_pmd_size"),
                number(TRANSPARENT + "/khugepaged/pages_to_scan"),
                number(TRANSPARENT + "/khugepaged/scan_sleep_millisecs"),
                number(TRANSPARENT + "/khugepaged/max_ptes_none"));
    }

    /// The word in brackets of `always [madvise] never`.
    private Reading<String> choice(String file) {
        return reading(file, () -> {
            String text = files.text(file);
            return text.substring(text.indexOf('[') + 1, text.indexOf(']'));
        });
    }

    /// One directory for each size, such as `hugepages-2048kB`.
    private List<HugePagePool> pools() {
        List<HugePagePool> pools = new ArrayList<>();
        for (String name : files.names(HUGE_PAGES)) {
            String kib = name.replaceFirst("^hugepages-([0-9]{1,12})kB$", "$1");
            if (!kib.equals(name)) {
                String directory = HUGE_PAGES + "/" + name;
                pools.add(new HugePagePool(
                        Long.parseLong(kib) << 10,
                        number(directory + "/nr_hugepages"),
                        number(directory + "/free_hugepages"),
                        number(directory + "/resv_hugepages"),
                        number(directory + "/surplus_hugepages"),
                        number(directory + "/nr_overcommit_hugepages")));
            }
        }
        pools.sort(Comparator.comparingLong(HugePagePool::pageBytes));
        return List.copyOf(pools);
    }
}
