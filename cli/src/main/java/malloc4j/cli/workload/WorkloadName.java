package malloc4j.cli.workload;

import java.util.Locale;
import java.util.function.IntFunction;

/// The workloads there are, in the order of reports. Each class says what its workload stresses, and where it comes
/// from.
public enum WorkloadName {
    PAIR("malloc and free at once, 1 to 1,024 bytes, nothing else live", ignored -> new Pair()),
    LIVE_SET("replace random ones of 20,000 live blocks of 16 to 1,015 bytes", ignored -> new LiveSet()),
    ALLOC_TEST("fill and empty slots picked by the 80/20 rule; all bytes written and read", AllocTest::new),
    LARSON("replace random blocks of 8 to 999 bytes; all go to a fresh thread again and again", Larson::new),
    MSTRESS("fresh threads keep, free and swap blocks of all sizes; every word checked", Mstress::new),
    RPTEST("8 to 16,000 bytes, aligned or not; batches freed by the next thread", Rptest::new),
    XMALLOC_TEST("producers allocate 64 bytes, consumers free them: every free by another", XmallocTest::new),
    CACHE_SCRATCH("false sharing: threads write to bytes that were neighbours", CacheScratch::new),
    SH6BENCH("rings of small blocks of many sizes, freed from both ends", Sh6bench::new),
    SH8BENCH("large rings with a server's sizes, and 8 bytes from one to many", Sh8bench::new),
    GLIBC_SIMPLE("runs of 25 to 1,600 blocks of 16 to 64 bytes, freed in two orders", ignored -> new GlibcSimple()),
    GLIBC_THREAD("each thread replaces one of 1,024; 4 bytes to 32 KiB, most tiny", GlibcThread::new),
    MLEAK("ten fresh threads at a time, one malloc and one free each", ignored -> new Mleak()),
    MALLOC_LARGE("replace random ones of 20 blocks of 5 to 25 MiB; all bytes written", ignored -> new MallocLarge()),
    CYCLE_3MIB("allocate 3 MiB, write each page, free", ignored -> new Cycle3Mib());

    private final String line;

    @SuppressWarnings("ImmutableEnumChecker") // a constructor reference
    private final IntFunction<Workload> maker;

    WorkloadName(String line, IntFunction<Workload> maker) {
        this.line = line;
        this.maker = maker;
    }

    /// The name on the command line and in reports.
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /// What it does, for a list.
    public String line() {
        return line;
    }

    /// @param threads the number that was asked for; a workload whose number is its own ignores it
    Workload make(int threads) {
        return maker.apply(threads);
    }
}
