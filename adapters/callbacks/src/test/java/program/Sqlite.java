package program;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.util.Locale;

/// SQLite with databases in memory.
@SuppressWarnings("restricted")
final class Sqlite {
    static final int NOMEM = 7;

    private final CLibrary library = CLibrary.of("libsqlite3.so.0", "libsqlite3-0");

    /// So many rows, with texts and two indexes; sorted, grouped and joined; and every second one deleted.
    static String work(int rowCount) {
        return String.format(Locale.ROOT, """
                CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT, price INTEGER);
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
                  INSERT INTO item SELECT i, printf('item %%d %%s', i, hex(i * 2654435761)), i * 7919 %% 10007 FROM n;
                CREATE INDEX item_name ON item(name);
                CREATE INDEX item_price ON item(price);
                UPDATE item SET name = upper(name) || ' (new)' WHERE id %% 3 = 0;
                SELECT price, group_concat(substr(name, 1, 8)), count(*) FROM item GROUP BY price ORDER BY count(*) DESC;
                SELECT count(*) FROM item a JOIN item b ON a.id = b.price WHERE a.name LIKE '%%9%%';
                DELETE FROM item WHERE id %% 2 = 0;
                """, rowCount);
    }

    CLibrary library() {
        return library;
    }

    /// What [malloc4j.callbacks.ProcessHooks#sqlite] does for a heap, for C's memory.
    void setMemoryStatusOff() {
        FunctionDescriptor config = FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT);
        Linker.Option variadic = Linker.Option.firstVariadicArg(1);
        Object result = CLibrary.invoke(
                Linker.nativeLinker().downcallHandle(library.lookup().findOrThrow("sqlite3_config"), config, variadic),
                9,
                0);
        if (!result.equals(0)) {
            throw new AssertionError("sqlite3_config returned " + result);
        }
    }

    MemorySegment open() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment made = arena.allocate(ADDRESS);
            int result = library.callInt("sqlite3_open", arena.allocateFrom(":memory:"), made);
            if (result != 0) {
                throw new AssertionError("sqlite3_open returned " + result);
            }
            return made.get(ADDRESS, 0);
        }
    }

    /// Runs statements; returns SQLite's result.
    int run(MemorySegment database, String statements) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment none = MemorySegment.NULL;
            return library.callInt("sqlite3_exec", database, arena.allocateFrom(statements), none, none, none);
        }
    }

    /// The first column of the first row of a query.
    int number(MemorySegment database, String query) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment made = arena.allocate(ADDRESS);
            int prepared = library.callInt(
                    "sqlite3_prepare_v2", database, arena.allocateFrom(query), -1, made, MemorySegment.NULL);
            MemorySegment statement = made.get(ADDRESS, 0);
            int row = library.callInt("sqlite3_step", statement);
            int number = library.callInt("sqlite3_column_int", statement, 0);
            int ended = library.callInt("sqlite3_finalize", statement);
            if (prepared != 0 || row != 100 || ended != 0) {
                throw new AssertionError(query + ": " + prepared + ", " + row + ", " + ended);
            }
            return number;
        }
    }

    String message(MemorySegment database) {
        return CLibrary.text(library.callPointer("sqlite3_errmsg", database));
    }

    int close(MemorySegment database) {
        return library.callInt("sqlite3_close", database);
    }
}
