package malloc4j.cli.explain;

import malloc4j.cli.CliException;
import malloc4j.cli.Page;
import malloc4j.cli.explain.Crash.Mapping;
import malloc4j.cli.explain.GuardTable.Block;
import malloc4j.cli.explain.GuardTable.Call;
import malloc4j.cli.picture.CallPicture;
import org.jspecify.annotations.Nullable;

/// What a process has died of, as far as malloc4j knows.
///
/// @param verdict in a sentence, without its full stop
/// @param table that the block is of, null where the address is none of a guard
/// @param block that the address belongs to, null where there is none
record Explanation(
        Crash crash,
        String verdict,
        @Nullable GuardTable table,
        @Nullable Block block) implements Explained {
    private static final double NANOS = 1e9;
    private static final double MILLIS = 1e6;

    /// By the files that the process may have left.
    ///
    /// @throws CliException if guards were touched, and nothing tells what they guarded
    static Explanation of(Crash crash, GuardFileSearch search) {
        Long address = crash.address();
        if (address == null) {
            return without(crash);
        }
        Mapping mapping = crash.mapping(address);
        boolean isElsewhere = mapping != null && !mapping.name().isEmpty() && !mapping.isGuard();
        GuardTable table = isElsewhere ? null : search.find(address);
        if (table != null) {
            return of(crash, address, table);
        }
        if (mapping != null && mapping.isGuard()) {
            throw CliException.cannot(hex(address)
                    + " lies among guards of malloc4j, but the file of what they guarded is not there: looked for "
                    + search.places() + "; name it by --guards");
        }
        return new Explanation(crash, elsewhere(crash, address, mapping), null, null);
    }

    /// By a file that is known.
    static Explanation of(Crash crash, GuardTable table) {
        Long address = crash.address();
        if (address == null) {
            return without(crash);
        }
        if (crash.pid() != 0 && crash.pid() != table.pid()) {
            throw CliException.problem(
                    table.path() + ": is of process " + table.pid() + ", and " + crash.pid() + " has died");
        }
        return table.contains(address)
                ? of(crash, address, table)
                : new Explanation(crash, elsewhere(crash, address, crash.mapping(address)), null, null);
    }

    private static Explanation without(Crash crash) {
        String verdict = "not a guard of malloc4j: process " + crash.pid() + " died of " + crash.what()
                + ", for which no address is told";
        return new Explanation(crash, verdict, null, null);
    }

    private static String elsewhere(Crash crash, long address, @Nullable Mapping mapping) {
        String where;
        if (mapping == null) {
            where = crash.mappings().isEmpty() ? "no mapping is told" : "in no mapping that is told";
        } else {
            where = "in " + (mapping.name().isEmpty() ? "memory" : mapping.name()) + ", mapped at "
                    + hex(mapping.start()) + " to " + hex(mapping.end())
                    + (mapping.access().isEmpty() ? "" : " as " + mapping.access());
        }
        return "not a guard of malloc4j: process " + crash.pid() + " died of " + crash.what() + " at " + hex(address)
                + ", " + where;
    }

    private static Explanation of(Crash crash, long address, GuardTable table) {
        Block block = table.nearest(address);
        if (block == null || (!table.isTold(address) && block.offset(address) != 0)) {
            String why = block == null ? "no block was there yet" : "what is known of its block was being written";
            return new Explanation(
                    crash,
                    "a guard of heap '" + table.heapName() + "' was touched at " + hex(address) + ": " + why,
                    table,
                    null);
        }
        long offset = block.offset(address);
        Call freed = block.freed();
        String where = where(block, address, offset);
        String what;
        if (freed != null) {
            what = "use after free: " + where + " was touched, freed " + age(crash, freed) + " by thread '"
                    + freed.thread() + "'" + place(freed);
        } else if (offset != 0) {
            what = (offset < 0 ? "underflow: " : "overflow: ") + where + " was touched, which is live, allocated "
                    + age(crash, block.allocated()) + " by thread '"
                    + block.allocated().thread() + "'"
                    + place(block.allocated());
        } else {
            what = "cannot be told: " + hex(address)
                    + " was a guard, and its slot has been given to another block since," + " of "
                    + bytes(block.byteSize());
        }
        return new Explanation(crash, what, table, block);
    }

    private static String where(Block block, long address, long offset) {
        String of = " a block of " + bytes(block.byteSize());
        if (offset == 0) {
            return "byte " + (address - block.address()) + " of" + of;
        }
        return offset < 0 ? bytes(-offset) + " before" + of : bytes(offset) + " past the end of" + of;
    }

    private static String place(Call call) {
        return call.stack().isEmpty() ? "" : " at " + call.stack().getFirst();
    }

    /// How long before the end, -1 where that is not told.
    static long ageNanos(Crash crash, Call call) {
        return crash.elapsedNanos() < 0 ? Crash.UNKNOWN : Math.max(0, crash.elapsedNanos() - call.nanos());
    }

    static String age(Crash crash, Call call) {
        long nanos = ageNanos(crash, call);
        return nanos < 0 ? duration(call.nanos()) + " after the start" : duration(nanos) + " before";
    }

    private static String duration(long nanos) {
        return nanos < NANOS ? Math.round(nanos / MILLIS) + " ms" : Math.round(nanos / NANOS * 10) / 10.0 + " s";
    }

    private static String bytes(long count) {
        return count == 1 ? "1 byte" : count + " bytes";
    }

    static String hex(long address) {
        return "0x" + Long.toHexString(address);
    }

    @Override
    public Object document() {
        return ExplainReport.of(this);
    }

    @Override
    public void render(Page page) {
        page.line(CallPicture.sentence(verdict));
        if (block == null || table == null) {
            return;
        }
        page.line(CallPicture.sentence("The block of heap '" + table.heapName() + "' is at " + hex(block.address())
                + ", as " + table.path() + " tells"));
        show("allocated ", block.allocated(), page);
        Call freed = block.freed();
        if (freed != null) {
            show("freed ", freed, page);
        }
    }

    private void show(String what, Call call, Page page) {
        String title = what + age(crash, call) + " by thread '" + call.thread() + "'";
        page.block(CallPicture.of(title, call.stack(), call.isCut()));
    }
}
