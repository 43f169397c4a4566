package malloc4j.planted;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import malloc4j.Heap;

/// Renders a map of tiles: one thread loads tiles through a cache, another blends each with the one above it.
@SuppressWarnings({"NullAway", "ReferenceEquality"})
public final class TileRenderer {
    static final int SIDE = 24;
    static final int COLUMNS = 12;
    static final int ROWS = 4_000;

    /// The pixels of a tile; freed when the cache and the renderer have both let go of it.
    static final class Tile {
        final int column;
        final int row;
        final MemorySegment pixels;
        private final AtomicInteger holders = new AtomicInteger(1);

        Tile(int column, int row) {
            this.column = column;
            this.row = row;
            this.pixels = Heap.common().allocate((long) SIDE * SIDE * Integer.BYTES, 16);
        }

        void load() {
            for (int i = 0; i < SIDE * SIDE; i++) {
                pixels.setAtIndex(ValueLayout.JAVA_INT, i, (column * 31 + row) * 17 + i);
            }
        }

        Tile hold() {
            holders.incrementAndGet();
            return this;
        }

        void letGo() {
            if (holders.decrementAndGet() == 0) {
                Heap.common().free(pixels);
            }
        }
    }

    /// The tiles used last, by position. For the loader's thread alone.
    static final class TileCache {
        private static final int CAPACITY = COLUMNS + 6;
        private final Map<Long, Tile> tiles = new LinkedHashMap<>(64, 0.75f, true);

        Tile get(int column, int row) {
            return tiles.computeIfAbsent(key(column, row), absent -> read(column, row));
        }

        private Tile read(int column, int row) {
            Tile tile = new Tile(column, row);
            tile.load();
            return tile;
        }

        void evict() {
            var oldest = tiles.values().iterator();
            for (int excess = tiles.size() - CAPACITY; excess > 0; excess--) {
                Tile tile = oldest.next();
                oldest.remove();
                tile.letGo();
            }
        }

        void clear() {
            tiles.values().forEach(Tile::letGo);
            tiles.clear();
        }

        private static long key(int column, int row) {
            return (long) row << 32 | column;
        }
    }

    /// What is to be rendered; `above` is null in the first row.
    record Job(Tile tile, Tile above) {
        static final Job END = new Job(null, null);
    }

    static final class Loader implements Runnable {
        private final TileCache cache = new TileCache();
        private final BlockingQueue<Job> jobs;

        Loader(BlockingQueue<Job> jobs) {
            this.jobs = jobs;
        }

        @Override
        public void run() {
            try {
                for (int row = 0; row < ROWS; row++) {
                    for (int column = 0; column < COLUMNS; column++) {
                        Tile above = row == 0 ? null : cache.get(column, row - 1);
                        Tile tile = cache.get(column, row).hold();
                        jobs.put(new Job(tile, above));
                        cache.evict();
                    }
                }
                cache.clear();
                jobs.put(Job.END);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    static int sharpen(MemorySegment pixels) {
        int sum = 0;
        for (int pass = 0; pass < 40; pass++) {
            for (int i = SIDE + 1; i < SIDE * SIDE - 1; i++) {
                int here = pixels.getAtIndex(ValueLayout.JAVA_INT, i);
                sum += 2 * here - pixels.getAtIndex(ValueLayout.JAVA_INT, i - SIDE);
            }
        }
        return sum;
    }

    static int blendEdge(MemorySegment lower, MemorySegment upper) {
        int seam = 0;
        for (int x = 0; x < SIDE; x++) {
            int bottom = upper.getAtIndex(ValueLayout.JAVA_INT, (SIDE - 1) * SIDE + x);
            seam += bottom ^ lower.getAtIndex(ValueLayout.JAVA_INT, x);
        }
        return seam;
    }

    public static void main(String[] args) throws InterruptedException {
        BlockingQueue<Job> jobs = new ArrayBlockingQueue<>(48);
        Thread.ofPlatform().daemon().name("loader").start(new Loader(jobs));
        long picture = 0;
        int rendered = 0;
        for (Job job; (job = jobs.take()) != Job.END; rendered++) {
            picture += sharpen(job.tile().pixels);
            if (job.above() != null) {
                picture ^= blendEdge(job.tile().pixels, job.above().pixels);
            }
            job.tile().letGo();
        }
        System.out.println("rendered " + rendered + " tiles " + (picture != 0));
    }
}
