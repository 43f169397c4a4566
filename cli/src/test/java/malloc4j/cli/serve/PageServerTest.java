package malloc4j.cli.serve;

import static org.assertj.core.api.Assertions.assertThat;

import io.avaje.jsonb.Jsonb;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import malloc4j.cli.CommandRun;
import malloc4j.cli.attach.AttachedJvm;
import malloc4j.cli.heaps.HeldCommand;
import malloc4j.cli.heaps.StatsReport;
import malloc4j.cli.picture.CellMap;
import malloc4j.cli.sites.AllocatingChild;
import malloc4j.cli.sites.Child;
import malloc4j.cli.sites.SitesReport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What the page's server answers, and to whom.
@Timeout(120)
class PageServerTest {
    private static final int MAX_TICK_BYTES = 200 << 10;

    @TempDir
    @SuppressWarnings("NullAway.Init")
    private Path temporary;

    @SuppressWarnings("NullAway.Init")
    private Child child;

    @SuppressWarnings("NullAway.Init")
    private AttachedJvm jvm;

    @SuppressWarnings("NullAway.Init")
    private PageServer server;

    @SuppressWarnings("NullAway.Init")
    private Thread looking;

    private final HttpClient client = HttpClient.newHttpClient();

    @BeforeEach
    void serve() throws IOException {
        child = Child.start(AllocatingChild.class, temporary);
        jvm = AttachedJvm.attach(child.pid());
        var observer = new Observer(child.pid(), "AllocatingChild", jvm);
        var ticker = new Ticker(observer, TimeUnit.MILLISECONDS.toNanos(200));
        server = PageServer.start(0, LiveRoutes.addTo(new Routes(), observer, ticker));
        looking = Thread.ofPlatform().daemon().start(ticker);
    }

    @AfterEach
    void end() {
        try {
            client.close();
            server.close();
            looking.interrupt();
            jvm.close();
        } finally {
            child.close(); // also where it was never served
        }
    }

    private URI uri(String path) {
        return URI.create(server.address().replaceFirst("/#.*", path));
    }

    private String token() {
        return server.address().replaceFirst(".*#", "");
    }

    private HttpResponse<String> get(String path, String... headers) throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(uri(path));
        if (headers.length > 0) {
            request.headers(headers);
        }
        return client.send(request.build(), BodyHandlers.ofString());
    }

    private HttpResponse<String> post(String path, String... headers) throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(uri(path)).POST(HttpRequest.BodyPublishers.noBody());
        if (headers.length > 0) {
            request.headers(headers);
        }
        return client.send(request.build(), BodyHandlers.ofString());
    }

    private static <T> T json(HttpResponse<String> answer, Class<T> type) {
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        assertThat(answer.headers().firstValue("Content-Type")).hasValue("application/json; charset=utf-8");
        return Jsonb.instance().type(type).fromJson(answer.body());
    }

    @Test
    void whatIsSeenAddsUp() throws Exception {
        HttpResponse<String> answer = get("/snapshot.json");
        Observation seen = json(answer, Observation.class);

        assertThat(answer.body().length()).isLessThan(MAX_TICK_BYTES);
        assertThat(seen.pid()).isEqualTo(child.pid());
        assertThat(seen.verdict()).startsWith("Process " + child.pid() + ": heap common has ");
        Observation.HeapView heap = seen.heaps().getFirst();
        StatsReport.Heap footprint = heap.footprint();
        assertThat(footprint.mappedBytes())
                .isEqualTo(footprint.activeBytes() + footprint.dirtyBytes() + footprint.metadataBytes());
        assertThat(heap.counts().allocatedBlocks()).isPositive();
        assertThat(heap.hardLimitBytes()).isEqualTo(-1);
        assertThat(heap.classes())
                .anySatisfy(entry -> assertThat(entry.blockBytes()).isEqualTo(4096));
        assertThat(heap.caches()).anySatisfy(cache -> assertThat(cache.thread()).isEqualTo("main"));
        CellMap cells = heap.cells();
        assertThat(cells.address()).isNotEmpty().isSorted().hasSizeLessThan(1100);
        for (int cell = 0; cell < cells.address().size(); cell++) {
            assertThat(cells.liveBytes().get(cell)
                            + cells.freeBytes().get(cell)
                            + cells.returnedBytes().get(cell))
                    .isEqualTo(cells.byteSize().get(cell));
        }
        assertThat(cells.liveBytes().stream().mapToLong(Long::longValue).sum()).isPositive();

        long first = cells.address().getFirst();
        CellMap zoomed = json(
                get("/cells.json?heap=" + cells.heapId() + "&from=" + first + "&to=" + (first + (1 << 20))),
                CellMap.class);
        assertThat(zoomed.address()).hasSize(16);
        assertThat(zoomed.blockBytes()).contains(4096);
    }

    @Test
    void addressesAreToldWithoutAQuestionToTheProcess() throws Exception {
        json(get("/snapshot.json"), Observation.class);
        SpaceView space = json(get("/space.json"), SpaceView.class);

        assertThat(space.pid()).isEqualTo(child.pid());
        assertThat(space.verdict()).startsWith("Process " + child.pid() + " (java) has ");
        assertThat(space.breakEnd()).isGreaterThan(space.breakStart());
        assertThat(space.panes()).extracting(SpaceView.Pane::name).containsExactly("brk heap", "mmap zone");
        assertThat(space.elsewhere()).extracting(SpaceView.Place::name).contains("program", "stack");
        for (SpaceView.Pane pane : space.panes()) {
            assertThat(pane.runs()).isNotEmpty().hasSizeLessThanOrEqualTo(160);
            assertThat(pane.runs().stream()
                            .mapToLong(SpaceView.Run::residentBytes)
                            .sum())
                    .isEqualTo(pane.residentBytes());
            long end = 0;
            for (SpaceView.Run run : pane.runs()) {
                assertThat(run.address()).isGreaterThanOrEqualTo(end);
                assertThat(run.owner()).isNotEmpty();
                end = run.end();
            }
        }
        SpaceView.Pane mmap = space.panes().getLast();
        assertThat(mmap.runs()).anySatisfy(run -> assertThat(run.isGuard()).isTrue());
        SpaceView.Run ours = mmap.runs().stream()
                .filter(run -> run.owner().equals("malloc4j: common") && run.areas() > 1)
                .findFirst()
                .orElseThrow();
        SpaceView part = json(get("/space.json?from=" + ours.address() + "&to=" + ours.end()), SpaceView.class);
        assertThat(part.panes().getLast().runs().getFirst().address()).isEqualTo(ours.address());
        assertThat(part.panes().getLast().runs()).hasSizeGreaterThan(1).allSatisfy(run -> assertThat(run.owner())
                .startsWith("malloc4j: "));
        assertThat(get("/space.json?from=x&to=5").statusCode()).isEqualTo(400);
    }

    @Test
    void whatKeepsGrowingIsNamed() throws Exception {
        assertThat(post("/leaks?seconds=3").statusCode()).isEqualTo(403);
        var first = CompletableFuture.supplyAsync(this::leaksAtLast);
        HttpResponse<String> second = leaks("1");
        while (second.statusCode() == 200 && !first.isDone()) { // it was there before the first one, which tries again
            Thread.sleep(200);
            second = leaks("1");
        }
        assertThat(second.statusCode()).isEqualTo(503);
        assertThat(second.body()).isEqualTo("leaks are being looked for already\n");
        SeenLeaks found = json(first.get(), SeenLeaks.class);
        assertThat(found.verdicts().getFirst())
                .startsWith("Process " + child.pid() + ", watched for 3 s: heap 'common': about ");
        assertThat(found.report().leaks().getFirst().stack().getFirst())
                .startsWith("malloc4j.cli.sites.AllocatingChild.keep(");
    }

    private HttpResponse<String> leaksAtLast() {
        HttpResponse<String> answer = leaks("3");
        while (answer.statusCode() == 503) {
            answer = leaks("3");
        }
        return answer;
    }

    private HttpResponse<String> leaks(String seconds) {
        try {
            return post("/leaks?seconds=" + seconds, "X-Malloc4j-Token", token());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    @Test
    void thePageMayLoadNothingFromElsewhere() throws Exception {
        for (String path : List.of("/", "/page.js", "/space.js", "/page.css", "/vendor/uplot.js", "/snapshot.json")) {
            HttpResponse<String> answer = get(path);
            assertThat(answer.statusCode()).as(path).isEqualTo(200);
            assertThat(answer.headers().firstValue("Cache-Control")).hasValue("no-store");
            assertThat(answer.headers().firstValue("X-Content-Type-Options")).hasValue("nosniff");
            assertThat(answer.headers().firstValue("Content-Security-Policy").orElseThrow())
                    .startsWith("default-src 'none'; script-src 'self'")
                    .contains("frame-ancestors 'none'");
        }
        assertThat(get("/").body()).contains("<title>malloc4j</title>").doesNotContain("http://", "https://");
    }

    @Test
    void onlyBrowsersOfThisMachineMayAsk() throws Exception {
        assertThat(InetAddress.ofLiteral(uri("/").getHost()).isLoopbackAddress())
                .isTrue();
        for (String host :
                List.of("evil.example:" + uri("/").getPort(), "127.0.0.1", "0.0.0.0:" + uri("/").getPort())) {
            assertThat(raw("GET /snapshot.json HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n"))
                    .as(host)
                    .startsWith("HTTP/1.1 403 ");
        }
        assertThat(get("/snapshot.json", "Origin", "http://evil.example").statusCode())
                .isEqualTo(403);
        assertThat(get("/snapshot.json", "Origin", "null").statusCode()).isEqualTo(403);
        assertThat(get("/", "Origin", server.address().replaceFirst("/#.*", "")).statusCode())
                .isEqualTo(200);
    }

    private String raw(String request) throws IOException {
        try (Socket socket = new Socket(InetAddress.ofLiteral("127.0.0.1"), uri("/").getPort())) {
            socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
        }
    }

    @Test
    void whatChangesTheProgramNeedsTheToken() throws Exception {
        assertThat(post("/trim").statusCode()).isEqualTo(403);
        assertThat(post("/trim", "X-Malloc4j-Token", "0".repeat(32)).statusCode())
                .isEqualTo(403);
        assertThat(get("/trim").statusCode()).as("it is no page").isEqualTo(404);
        assertThat(post("/trim", "X-Malloc4j-Token", token()).statusCode()).isEqualTo(200);

        assertThat(json(get("/sites.json"), SitesReport.class).heaps()).isEmpty();
        assertThat(post("/profile?sampleBytes=4096").statusCode()).isEqualTo(403);
        assertThat(child.sampleBytes()).isZero();
        assertThat(post("/profile?sampleBytes=4096", "X-Malloc4j-Token", token())
                        .body())
                .contains("\"startedHeaps\":1");
        while (json(get("/sites.json"), SitesReport.class).sites().size() < 2) {
            Thread.sleep(50);
        }
        assertThat(get("/flame.html").body()).contains("malloc4j.cli.sites.AllocatingChild.keep(");
        assertThat(get("/flame.html")
                        .headers()
                        .firstValue("Content-Security-Policy")
                        .orElseThrow())
                .contains("sandbox allow-scripts");
        assertThat(json(get("/held.json"), HeldCommand.Report.class).heaps()).hasSize(1);
        assertThat(get("/slabs.json").body()).startsWith("[");
    }

    @ParameterizedTest
    @CsvSource({
        "/nosuch, 404",
        "/vendor/../page.js, 404",
        "/vendor/%2e%2e/page.js, 404",
        "/../META-INF/MANIFEST.MF, 404",
        "/cells.json, 400",
        "/cells.json?heap=1&from=-1&to=5, 400",
        "/cells.json?heap=99999&from=0&to=5, 400",
        "/cells.json?heap=9999999999&from=0&to=5, 400",
    })
    void whatIsNotThereIsSaid(String path, int status) throws IOException {
        String host = "127.0.0.1:" + uri("/").getPort();
        assertThat(raw("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n"))
                .startsWith("HTTP/1.1 " + status + " ");
    }

    @Test
    void aStreamBringsWhatIsSeenUntilTheProcessEnds() throws Exception {
        HttpResponse<InputStream> events =
                client.send(HttpRequest.newBuilder(uri("/events")).build(), BodyHandlers.ofInputStream());
        try (var reader = new BufferedReader(new InputStreamReader(events.body(), StandardCharsets.UTF_8))) {
            long last = 0;
            for (int count = 0; count < 3; count++) {
                Observation seen = next(reader);
                assertThat(seen.tick()).isGreaterThan(last);
                last = seen.tick();
            }
            child.process().destroyForcibly();
            String line = reader.readLine();
            while (line != null && !line.equals("event: end")) {
                line = reader.readLine();
            }
            assertThat(line).isEqualTo("event: end");
            assertThat(reader.readLine()).contains("process " + child.pid() + " has ended meanwhile");
        }
        assertThat(get("/snapshot.json").statusCode())
                .as("what was seen last stays")
                .isEqualTo(200);
        assertThat(get("/held.json").statusCode()).isEqualTo(503);
    }

    private static Observation next(BufferedReader events) throws IOException {
        String line = events.readLine();
        while (!line.startsWith("data: ")) {
            line = events.readLine();
        }
        return Jsonb.instance().type(Observation.class).fromJson(line.substring("data: ".length()));
    }

    @Test
    void browsersThatNeverReadHinderNobody() throws Exception {
        List<Socket> deaf = new ArrayList<>();
        try {
            for (int count = 0; count < 300; count++) {
                Socket socket = new Socket(InetAddress.ofLiteral("127.0.0.1"), uri("/").getPort());
                socket.setReceiveBufferSize(1024);
                socket.getOutputStream()
                        .write(("GET /events HTTP/1.1\r\nHost: 127.0.0.1:" + uri("/").getPort() + "\r\n\r\n")
                                .getBytes(StandardCharsets.ISO_8859_1));
                deaf.add(socket);
                if (count == 40) { // more than may watch at once
                    long first = json(get("/snapshot.json"), Observation.class).tick();
                    while (json(get("/snapshot.json"), Observation.class).tick() < first + 5) {
                        Thread.sleep(20);
                    }
                }
            }
            child.sampleBytes(); // the program goes on
        } finally {
            for (Socket socket : deaf) {
                socket.close();
            }
        }
        assertThat(json(get("/snapshot.json"), Observation.class).pid()).isEqualTo(child.pid());
    }

    @Test
    void wrongUsageIsOneLine() {
        CommandRun port = CommandRun.of("serve", "1", "--port", "70000");
        assertThat(port.err()).isEqualTo("malloc4j: --port must be from 0 to 65535, not 70000\n");
        assertThat(port.exitCode()).isEqualTo(2);
        CommandRun both = CommandRun.of("serve", "1", "--open", "look.json");
        assertThat(both.err()).isEqualTo("malloc4j: --open shows a file, and takes no PID\n");
        CommandRun gone = CommandRun.of("serve", "99999999");
        assertThat(gone.err()).isEqualTo("malloc4j: process 99999999: there is no process with this number\n");
        CommandRun taken =
                CommandRun.of("serve", Long.toString(child.pid()), "--port", Integer.toString(uri("/").getPort()));
        assertThat(taken.err()).startsWith("malloc4j: port " + uri("/").getPort() + " of 127.0.0.1: ");
        assertThat(taken.exitCode()).isEqualTo(3);
    }
}
