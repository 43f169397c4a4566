package program;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.callbacks.CallSite;
import malloc4j.callbacks.HeapCallbacks;
import malloc4j.callbacks.ProcessHooks;
import malloc4j.observe.HeapStatistics;

/// Programs that use a library whose memory is a heap's, each in a process of its own, since such a library is told
/// once. Each throws where something is not as it must be, and prints "done" at last.
@SuppressWarnings("restricted")
public final class ProcessPrograms {
    private static final MemorySegment NULL = MemorySegment.NULL;
    private static final Arena ARENA = Arena.global();
    private static final long MIB = 1 << 20;

    private static final Heap HEAP =
            Heap.create(HeapOptions.builder().name("library").build()); // open to the end, as the library is
    private static final HeapCallbacks CALLBACKS = HeapCallbacks.of(HEAP, ARENA);

    private ProcessPrograms() {}

    public static void main(String[] arguments) throws Throwable {
        switch (arguments[0]) {
            case "sqlite" -> sqlite();
            case "libxml2" -> libxml2();
            case "openssl" -> openssl();
            case "openssl-late" -> opensslLate();
            case "openssl-left" -> opensslLeft();
            case "openssl-exit" -> {
                opensslLeft();
                System.exit(0);
            }
            case "curl" -> curl();
            case "gmp" -> gmp();
            case "gmp-full" -> gmpFull();
            case "python" -> python();
            default -> throw new IllegalArgumentException(arguments[0]);
        }
        HEAP.verify();
        IO.println("done");
    }

    private static void check(boolean holds, Object text) {
        if (!holds) {
            throw new AssertionError(text);
        }
    }

    /// Nothing is live, nothing was misused, and so much was allocated.
    private static void checkAllFreed(long atLeast) {
        HeapStatistics statistics = HEAP.statistics();
        check(statistics.allocatedBlocks() >= atLeast, statistics);
        check(statistics.liveBlocks() == 0 && statistics.allocatedBlocks() == statistics.freedBlocks(), statistics);
        check(CALLBACKS.misuseCount() == 0, CALLBACKS.misuseCount());
        IO.println(statistics.allocatedBlocks() + " blocks, all freed");
    }

    /// What somebody is told who comes too late, or is wrong.
    private static void checkRefused(Runnable call, String said) {
        try {
            call.run();
        } catch (IllegalStateException | IllegalArgumentException refused) {
            check(refused.getMessage().contains(said), refused);
            return;
        }
        throw new AssertionError("not refused: " + said);
    }

    private static void fill(long hardLimitBytes) {
        boolean unused = HEAP.trim(0);
        HEAP.setHardLimitBytes(hardLimitBytes);
    }

    // -------------------------------------------------------------------------------------------------------- SQLite

    private static void sqlite() {
        Sqlite sqlite = new Sqlite();
        SymbolLookup lookup = sqlite.library().lookup();
        try (Arena arena = Arena.ofConfined()) {
            HeapCallbacks passing = HeapCallbacks.of(HEAP, arena);
            checkRefused(() -> ProcessHooks.sqlite(passing, lookup, true), "must be those of Arena.global()");
        }
        ProcessHooks.sqlite(CALLBACKS, lookup, true);
        MemorySegment database = sqlite.open();
        checkRefused(() -> ProcessHooks.sqlite(CALLBACKS, lookup, true), "it is in use already");
        check(sqlite.run(database, Sqlite.work(100_000)) == 0, sqlite.message(database));
        check(sqlite.number(database, "SELECT count(*) FROM item") == 50_000, "rows");
        long used = sqlite.library().callLong("sqlite3_memory_used");
        check(used > 4 * MIB && used <= HEAP.statistics().liveBytes(), used);
        check(sqlite.close(database) == 0, "close");
        checkAllFreed(500_000);

        fill(2 * MIB);
        MemorySegment small = sqlite.open();
        int result = sqlite.run(small, Sqlite.work(100_000));
        check(result == Sqlite.NOMEM && sqlite.message(small).equals("out of memory"), sqlite.message(small));
        check(CALLBACKS.refusalCount() > 0, "refusals");
        check(sqlite.number(small, "SELECT count(*) FROM item") == 0, "the next query");
        check(sqlite.run(small, "INSERT INTO item VALUES (1, 'one', 1)") == 0, sqlite.message(small));
        check(sqlite.number(small, "SELECT price FROM item WHERE name = 'one'") == 1, "the one after");
        check(sqlite.close(small) == 0, "close");
        checkAllFreed(500_000);

        HEAP.setHardLimitBytes(Long.MAX_VALUE);
        check(sqlite.library().callInt("sqlite3_shutdown") == 0, "shutdown");
        ProcessHooks.sqlite(CALLBACKS, lookup, false); // once more, on what is set already
        MemorySegment last = sqlite.open();
        check(sqlite.run(last, Sqlite.work(10_000)) == 0, sqlite.message(last));
        check(sqlite.library().callLong("sqlite3_memory_used") == 0, "SQLite counts no memory");
        check(sqlite.close(last) == 0, "close");
        checkAllFreed(600_000);
        try {
            HEAP.close();
            throw new AssertionError("closed under the library");
        } catch (IllegalStateException open) {
            IO.println(open.getMessage());
        }
    }

    // ------------------------------------------------------------------------------------------------------- libxml2

    private static void libxml2() {
        CLibrary xml = CLibrary.of("libxml2.so.2", "libxml2");
        ProcessHooks.libxml2(CALLBACKS, xml.lookup());
        String text = LongStream.range(0, 10_000)
                .mapToObj(index -> "<e" + index % 1_000 + " a='" + index + "'>text &amp; more</e" + index % 1_000 + ">")
                .collect(Collectors.joining("", "<all>", "</all>"));
        MemorySegment document = ARENA.allocateFrom(text);
        int byteSize = (int) document.byteSize() - 1;
        MemorySegment tree = xml.callPointer("xmlReadMemory", document, byteSize, NULL, NULL, 0);
        MemorySegment root = xml.callPointer("xmlDocGetRootElement", tree);
        check(xml.callLong("xmlChildElementCount", root) == 10_000, "children");
        MemorySegment content = xml.callPointer("xmlNodeGetContent", root);
        check(CLibrary.text(content).startsWith("text & moretext & more"), CLibrary.text(content));
        HEAP.free(content.address());
        check(HEAP.statistics().liveBlocks() > 10_000, HEAP.statistics());
        xml.callVoid("xmlFreeDoc", tree);

        fill(2 * MIB);
        long before = CALLBACKS.refusalCount();
        check(
                xml.callPointer("xmlReadMemory", document, byteSize, NULL, NULL, 0)
                                .address()
                        == 0,
                "parsed");
        check(CALLBACKS.refusalCount() > before, "refusals");

        HEAP.setHardLimitBytes(Long.MAX_VALUE);
        MemorySegment again = xml.callPointer("xmlReadMemory", document, byteSize, NULL, NULL, 0);
        check(again.address() != 0, "parsed again");
        xml.callVoid("xmlFreeDoc", again);
        xml.callVoid("xmlResetLastError");
        xml.callVoid("xmlCleanupParser");
        checkAllFreed(20_000);
    }

    // ------------------------------------------------------------------------------------------------------- OpenSSL

    private static void openssl() throws Exception {
        CLibrary crypto = CLibrary.of("libcrypto.so.3", "libssl3");
        ProcessHooks.openssl(CALLBACKS, crypto.lookup());
        checkRefused(() -> ProcessHooks.openssl(CALLBACKS, crypto.lookup()), "it has functions already");
        CLibrary ssl = CLibrary.of("libssl.so.3", "libssl3");
        byte[] data = "digest me".repeat(100_000).getBytes(StandardCharsets.UTF_8);
        check(
                HexFormat.of()
                        .formatHex(digest(crypto, data))
                        .equals(HexFormat.of()
                                .formatHex(MessageDigest.getInstance("SHA-256").digest(data))),
                "digest");

        Thread other = Thread.ofPlatform().start(() -> {
            MemorySegment context = ssl.callPointer("SSL_CTX_new", ssl.callPointer("TLS_method"));
            MemorySegment connection = ssl.callPointer("SSL_new", context);
            check(connection.address() != 0, "SSL_new");
            check(crypto.callInt("RAND_bytes", ARENA.allocate(64), 64) == 1, "RAND_bytes");
            ssl.callVoid("SSL_free", connection);
            ssl.callVoid("SSL_CTX_free", context);
            crypto.callVoid("OPENSSL_thread_stop");
        });
        other.join();

        List<CallSite> sites = CALLBACKS.callSites();
        check(sites.size() > 50, sites);
        long live = sites.stream().mapToLong(CallSite::liveBytes).sum();
        check(live == HEAP.statistics().liveBytes(), live + " of " + HEAP.statistics());
        check(sites.stream().anyMatch(site -> site.file().endsWith("crypto/evp/digest.c") && site.line() > 0), sites);
        IO.println("most of it: " + sites.getFirst());

        fill(HEAP.statistics().committedBytes());
        MemorySegment buffer = crypto.callPointer("BUF_MEM_new");
        check(crypto.callLong("BUF_MEM_grow", buffer, 100 * MIB) == 0, "grown");
        MemorySegment reason = crypto.callPointer("ERR_reason_error_string", crypto.callLong("ERR_get_error"));
        check(CLibrary.text(reason).equals("malloc failure"), CLibrary.text(reason));
        check(CALLBACKS.refusalCount() > 0, "refusals");
        HEAP.setHardLimitBytes(Long.MAX_VALUE);
        crypto.callVoid("BUF_MEM_free", buffer);
        check(digest(crypto, data).length == 32, "digest");

        crypto.callVoid("OPENSSL_cleanup");
        check(CALLBACKS.callSites().stream().allMatch(site -> site.liveBlocks() == 0), CALLBACKS.callSites());
        checkAllFreed(5_000);
    }

    /// Ends with what OpenSSL has for this thread, and everything else.
    private static void opensslLeft() {
        CLibrary crypto = CLibrary.of("libcrypto.so.3", "libssl3");
        ProcessHooks.openssl(CALLBACKS, crypto.lookup());
        check(crypto.callInt("RAND_bytes", ARENA.allocate(64), 64) == 1, "RAND_bytes");
        check(HEAP.statistics().liveBlocks() > 0, HEAP.statistics());
        IO.println("left " + HEAP.statistics().liveBlocks());
    }

    private static void opensslLate() {
        CLibrary crypto = CLibrary.of("libcrypto.so.3", "libssl3");
        check(digest(crypto, new byte[100]).length == 32, "digest");
        checkRefused(() -> ProcessHooks.openssl(CALLBACKS, crypto.lookup()), "it has allocated already");
        check(digest(crypto, new byte[100]).length == 32, "digest");
        check(HEAP.statistics().allocatedBlocks() == 0, "allocated");
    }

    private static byte[] digest(CLibrary crypto, byte[] data) {
        MemorySegment context = crypto.callPointer("EVP_MD_CTX_new");
        MemorySegment digest = ARENA.allocate(32);
        MemorySegment input = ARENA.allocateFrom(JAVA_BYTE, data);
        check(crypto.callInt("EVP_DigestInit_ex", context, crypto.callPointer("EVP_sha256"), NULL) == 1, "init");
        check(crypto.callInt("EVP_DigestUpdate", context, input, (long) data.length) == 1, "update");
        check(crypto.callInt("EVP_DigestFinal_ex", context, digest, NULL) == 1, "final");
        crypto.callVoid("EVP_MD_CTX_free", context);
        return digest.toArray(JAVA_BYTE);
    }

    // ---------------------------------------------------------------------------------------------------------- curl

    private static long received;

    @SuppressWarnings("unused")
    private static long receive(long data, long size, long count, long user) {
        received += size * count;
        return size * count;
    }

    private static void curl() throws Exception {
        CLibrary curl = CLibrary.of("libcurl.so.4", "libcurl4");
        ProcessHooks.curl(CALLBACKS, curl.lookup());
        checkRefused(
                () -> ProcessHooks.curl(
                        CALLBACKS, CLibrary.of("libz.so.1", "zlib1g").lookup()),
                "curl 7.12");
        Path file = Files.createTempFile("curl", ".bin");
        Files.write(file, new byte[(int) (4 * MIB)]);
        MethodHandle receive = MethodHandles.lookup()
                .findStatic(
                        ProcessPrograms.class,
                        "receive",
                        MethodType.methodType(long.class, long.class, long.class, long.class, long.class));
        MemorySegment receiver = Linker.nativeLinker()
                .upcallStub(
                        receive, FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG), ARENA);
        for (int round = 0; round < 10; round++) {
            received = 0;
            check(transfer(curl, file, receiver) == 0 && received == 4 * MIB, received);
        }
        fill(HEAP.statistics().committedBytes());
        MemorySegment lists = NULL;
        while (true) { // what is at hand
            MemorySegment next = curl.callPointer("curl_slist_append", lists, ARENA.allocateFrom("x".repeat(100)));
            if (next.address() == 0) {
                break;
            }
            lists = next;
        }
        int result = transfer(curl, file, receiver);
        check(result == 27 || result == -1, "CURLE_OUT_OF_MEMORY, not " + result);
        HEAP.setHardLimitBytes(Long.MAX_VALUE);
        curl.callVoid("curl_slist_free_all", lists);
        check(transfer(curl, file, receiver) == 0, "once more");
        curl.callVoid("curl_global_cleanup");
        Files.delete(file);
        checkAllFreed(100);

        check(curl.callInt("curl_global_init", 3L) == 0, "by itself");
        checkRefused(() -> ProcessHooks.curl(CALLBACKS, curl.lookup()), "curl was initialised already");
    }

    private static int transfer(CLibrary curl, Path file, MemorySegment receiver) {
        MemorySegment handle = curl.callPointer("curl_easy_init");
        if (handle.address() == 0) {
            return -1;
        }
        FunctionDescriptor type = FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, ADDRESS);
        MethodHandle setopt = Linker.nativeLinker()
                .downcallHandle(curl.lookup().findOrThrow("curl_easy_setopt"), type, Linker.Option.firstVariadicArg(2));
        int result = (int) CLibrary.invoke(setopt, handle, 10_002, ARENA.allocateFrom("file://" + file));
        if (result == 0) {
            result = (int) CLibrary.invoke(setopt, handle, 20_011, receiver);
        }
        if (result == 0) {
            result = curl.callInt("curl_easy_perform", handle);
        }
        curl.callVoid("curl_easy_cleanup", handle);
        return result;
    }

    // ----------------------------------------------------------------------------------------------------------- GMP

    private static void gmp() {
        CLibrary gmp = CLibrary.of("libgmp.so.10", "libgmp10");
        ProcessHooks.gmp(CALLBACKS, gmp.lookup());
        MemorySegment number = ARENA.allocate(MemoryLayout.structLayout(JAVA_INT, JAVA_INT, ADDRESS));
        gmp.callVoid("__gmpz_init", number);
        gmp.callVoid("__gmpz_fac_ui", number, 10_000L);
        MemorySegment digits = gmp.callPointer("__gmpz_get_str", NULL, 10, number);
        BigInteger factorial = LongStream.rangeClosed(1, 10_000)
                .mapToObj(BigInteger::valueOf)
                .reduce(BigInteger.ONE, BigInteger::multiply);
        check(CLibrary.text(digits).equals(factorial.toString()), "10,000!");
        HEAP.free(digits.address());
        gmp.callVoid("__gmpz_clear", number);
        checkAllFreed(5);
    }

    private static void gmpFull() {
        CLibrary gmp = CLibrary.of("libgmp.so.10", "libgmp10");
        ProcessHooks.gmp(CALLBACKS, gmp.lookup());
        HEAP.setHardLimitBytes(4 * MIB);
        MemorySegment number = ARENA.allocate(MemoryLayout.structLayout(JAVA_INT, JAVA_INT, ADDRESS));
        gmp.callVoid("__gmpz_init", number);
        gmp.callVoid("__gmpz_ui_pow_ui", number, 2L, 1_000_000_000L);
    }

    // -------------------------------------------------------------------------------------------------------- Python

    private static final String SCRIPT = """
            import json, re, collections
            items = [{"id": i, "name": "item %d" % i, "tags": ["a"] * (i % 5)} for i in range(20000)]
            text = json.dumps(items)
            assert json.loads(text) == items
            words = collections.Counter(re.findall(r"\\w+", text))
            assert words["item"] == 20000, words["item"]
            assert sum(x * x for x in range(100000)) == 333328333350000
            print("script ran", flush=True)
            """;

    private static final String TOO_MUCH = """
            try:
                x = []
                while True: x.append(bytes(1000000))
            except MemoryError:
                x = None
                print("MemoryError", flush=True)
            """;

    private static void python() throws Exception {
        CLibrary c = new CLibrary(Linker.nativeLinker().defaultLookup());
        int nowAndForAll = 2 | 0x100; // RTLD_NOW | RTLD_GLOBAL: Python's own modules look for its symbols
        MemorySegment opened = c.callPointer("dlopen", ARENA.allocateFrom("libpython3.11.so.1.0"), nowAndForAll);
        check(
                opened.address() != 0,
                "libpython3.11.so.1.0 is not installed: apt-get install libpython3.11 (.ci/run does)");
        CLibrary python = CLibrary.of("libpython3.11.so.1.0", "libpython3.11");
        ProcessHooks.python(CALLBACKS, python.lookup());
        python.callVoid("Py_InitializeEx", 0);
        checkRefused(() -> ProcessHooks.python(CALLBACKS, python.lookup()), "CPython is initialised");
        check(python.callInt("PyRun_SimpleStringFlags", ARENA.allocateFrom(SCRIPT), NULL) == 0, "script");
        HEAP.setHardLimitBytes(HEAP.statistics().committedBytes() + 32 * MIB);
        check(python.callInt("PyRun_SimpleStringFlags", ARENA.allocateFrom(TOO_MUCH), NULL) == 0, "MemoryError");
        check(CALLBACKS.refusalCount() > 0, "refusals");
        check(python.callInt("PyRun_SimpleStringFlags", ARENA.allocateFrom(SCRIPT), NULL) == 0, "script again");
        check(python.callInt("Py_FinalizeEx") == 0, "finalize");
        HeapStatistics statistics = HEAP.statistics();
        check(CALLBACKS.misuseCount() == 0, CALLBACKS.misuseCount());
        check(statistics.allocatedBlocks() > 1_000_000 && statistics.liveBlocks() < 1_000, statistics);
        IO.println(statistics.allocatedBlocks() + " blocks, " + statistics.liveBlocks() + " of them with "
                + statistics.liveBytes() + " bytes kept by CPython");
    }
}
