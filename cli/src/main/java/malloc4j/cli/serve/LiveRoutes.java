package malloc4j.cli.serve;

import io.avaje.jsonb.Jsonb;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import malloc4j.cli.profile.Measure;
import malloc4j.cli.profile.SampledProcess;
import malloc4j.cli.sites.SitesPage;
import malloc4j.cli.sites.SitesReport;

/// What the page asks about a process that runs.
///
/// | request | answer |
/// |---|---|
/// | `GET /snapshot.json` | an [Observation] |
/// | `GET /events` | a stream of them (server-sent events), and the event `end` when there will be no more |
/// | `GET /cells.json?heap=N&from=ADDRESS&to=ADDRESS` | a [malloc4j.cli.picture.CellMap] |
/// | `GET /space.json[?from=ADDRESS&to=ADDRESS]` | a [SpaceView] |
/// | `GET /sites.json`, `/flame.html`, `/held.json` | who has allocated what, who keeps pages |
/// | `GET /slabs.json` | a [HeldSlab] for each of those that hold most |
/// | `POST /leaks?seconds=N` | what keeps growing: a [SeenLeaks] |
/// | `POST /trim`, `/profile?sampleBytes=N` | have heaps give back, have samples taken |
final class LiveRoutes {
    private static final int MAX_STREAMS = 32;
    private static final long MAX_SAMPLE_BYTES = 1L << 40;
    private static final int MAX_LEAK_SECONDS = 600;
    private static final long FIRST_NANOS = TimeUnit.SECONDS.toNanos(20);
    private static final long BEAT_NANOS = TimeUnit.SECONDS.toNanos(15); // so that a stream that nobody reads ends

    private final Observer observer;
    private final Ticker ticker;
    private final Semaphore streams = new Semaphore(MAX_STREAMS);

    private LiveRoutes(Observer observer, Ticker ticker) {
        this.observer = observer;
        this.ticker = ticker;
    }

    /// Adds them.
    static Routes addTo(Routes routes, Observer observer, Ticker ticker) {
        LiveRoutes live = new LiveRoutes(observer, ticker);
        return routes.get("/snapshot.json", live::snapshot)
                .get("/events", live::events)
                .get("/cells.json", live::cells)
                .get("/space.json", live::space)
                .get("/sites.json", reply -> reply.json(SitesReport.of(observer.sites(), Measure.LIVE)))
                .get("/held.json", reply -> reply.json(observer.held()))
                .get("/slabs.json", reply -> reply.json(observer.heldSlabs()))
                .get("/flame.html", live::flame)
                .post("/trim", reply -> reply.json(observer.trim()))
                .post("/leaks", live::leaks)
                .post("/profile", live::profile);
    }

    private void snapshot(Reply reply) throws IOException, InterruptedException {
        Ticker.Seen seen = ticker.awaitAfter(0, FIRST_NANOS);
        if (seen.tick() == 0) {
            reply.refuse(503, "nothing was seen of the process yet: " + seen.end());
        } else {
            reply.json(seen.json());
        }
    }

    private void cells(Reply reply) throws IOException {
        reply.json(observer.zoom(
                (int) reply.number("heap", Integer.MAX_VALUE),
                reply.number("from", Long.MAX_VALUE),
                reply.number("to", Long.MAX_VALUE)));
    }

    private void space(Reply reply) throws IOException {
        boolean isWhole = reply.text("from").isEmpty();
        reply.json(
                isWhole
                        ? observer.space()
                        : observer.space(reply.number("from", Long.MAX_VALUE), reply.number("to", Long.MAX_VALUE)));
    }

    private void flame(Reply reply) throws IOException {
        SampledProcess sites = observer.sites();
        var page = new ByteArrayOutputStream();
        SitesPage.write(sites, Measure.LIVE, page);
        reply.sandboxed(page.toByteArray());
    }

    private void leaks(Reply reply) throws IOException, InterruptedException {
        long seconds = reply.number("seconds", MAX_LEAK_SECONDS);
        reply.json(observer.leaks((int) Math.max(1, seconds)));
    }

    private void profile(Reply reply) throws IOException {
        long sampleBytes = Math.max(1, reply.number("sampleBytes", MAX_SAMPLE_BYTES));
        reply.json(Map.of("startedHeaps", observer.startProfile(sampleBytes).startedHeaps()));
    }

    /// Sends what is seen as it comes, until the browser goes.
    private void events(Reply reply) throws IOException, InterruptedException {
        if (!streams.tryAcquire()) {
            reply.refuse(503, MAX_STREAMS + " browsers watch already");
            return;
        }
        try (OutputStream out = reply.events()) {
            Ticker.Seen seen = ticker.awaitAfter(0, BEAT_NANOS);
            long sent = 0;
            while (true) {
                if (seen.tick() > sent) {
                    out.write(("data: " + seen.json() + "\n\n").getBytes(StandardCharsets.UTF_8));
                    sent = seen.tick();
                } else if (seen.end() != null) {
                    out.write(("event: end\ndata: " + Jsonb.instance().toJson(seen.end()) + "\n\n")
                            .getBytes(StandardCharsets.UTF_8));
                    out.flush();
                    return;
                } else {
                    out.write(": nothing new\n\n".getBytes(StandardCharsets.UTF_8));
                }
                out.flush();
                seen = ticker.awaitAfter(sent, BEAT_NANOS);
            }
        } finally {
            streams.release();
        }
    }
}
