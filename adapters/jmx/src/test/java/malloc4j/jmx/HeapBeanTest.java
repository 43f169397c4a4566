package malloc4j.jmx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.management.ManagementFactory;
import java.lang.ref.WeakReference;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import javax.management.Attribute;
import javax.management.JMX;
import javax.management.MBeanAttributeInfo;
import javax.management.MBeanInfo;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import javax.management.openmbean.CompositeData;
import malloc4j.Heap;
import malloc4j.HeapOptions;
import malloc4j.observe.HeapStatistics;
import malloc4j.observe.Probe;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/// The beans of heaps, as a client of JMX has them.
class HeapBeanTest {
    private static final MBeanServer SERVER = ManagementFactory.getPlatformMBeanServer();
    private static final long MIB = 1 << 20;

    private static void await(BooleanSupplier condition) {
        for (int attempt = 0; attempt < 1_500 && !condition.getAsBoolean(); attempt++) {
            LockSupport.parkNanos(20_000_000);
        }
        assertThat(condition.getAsBoolean()).isTrue();
    }

    private static ObjectName nameOf(String quoted, int heapId) throws Exception {
        return new ObjectName("malloc4j:type=Heap,name=" + quoted + ",id=" + heapId);
    }

    private static ObjectName awaited(Heap heap) throws Exception {
        ObjectName name = nameOf(heap.options().name(), heap.heapId());
        await(() -> SERVER.isRegistered(name));
        return name;
    }

    private static Heap heap(String name) {
        return Heap.create(
                HeapOptions.builder().name(name).hardLimitBytes(64 * MIB).build());
    }

    @Test
    void aHeapIsThereWhileItIsOpen() throws Exception {
        ObjectName name;
        try (Heap heap = heap("open")) {
            name = awaited(heap);
            assertThat(SERVER.getAttribute(name, "HeapName")).isEqualTo("open");
        }
        await(() -> !SERVER.isRegistered(name));
    }

    @Test
    void aHeapWithAProbeOfItsOwnIsThereToo() throws Exception {
        Probe probe = event -> {};
        try (Heap heap =
                Heap.create(HeapOptions.builder().name("probed").probe(probe).build())) {
            assertThat(awaited(heap)).isNotNull();
        }
    }

    @Test
    void namesMayHaveAnyLetters() throws Exception {
        String odd = "a,b=\"c\":*?\n\\";
        try (Heap heap = heap(odd)) {
            ObjectName name = nameOf(ObjectName.quote(odd), heap.heapId());
            await(() -> SERVER.isRegistered(name));
            assertThat(SERVER.getAttribute(name, "HeapName")).isEqualTo(odd);
        }
    }

    @Test
    void heapsOfOneNameDifferByNumber() throws Exception {
        try (Heap one = heap("twin");
                Heap other = heap("twin")) {
            assertThat(awaited(one)).isNotEqualTo(awaited(other));
        }
    }

    @Test
    void whereANameIsTakenTheLoaderIsCounted() throws Exception {
        try (Heap first = heap("taken")) {
            ObjectName own = awaited(first);
            ObjectName next = nameOf("taken", first.heapId() + 1);
            SERVER.registerMBean(new HeapBean(first), next); // as another copy of this library would
            try (Heap second = heap("taken")) {
                assertThat(second.heapId()).isEqualTo(first.heapId() + 1);
                ObjectName counted = new ObjectName(next + ",loader=2");
                await(() -> SERVER.isRegistered(counted));
                assertThat(SERVER.getAttribute(counted, "HeapId")).isEqualTo(second.heapId());
            } finally {
                SERVER.unregisterMBean(next);
            }
            assertThat(SERVER.isRegistered(own)).isTrue();
        }
    }

    @Test
    void attributesAreAllOfTheStatisticsWithUnits() throws Exception {
        try (Heap heap = heap("described")) {
            MBeanInfo info = SERVER.getMBeanInfo(awaited(heap));
            Map<String, MBeanAttributeInfo> attributes =
                    Arrays.stream(info.getAttributes()).collect(Collectors.toMap(each -> each.getName(), each -> each));
            for (RecordComponent component : HeapStatistics.class.getRecordComponents()) {
                String name = component.getName();
                MBeanAttributeInfo attribute = Objects.requireNonNull(
                        attributes.get(name.substring(0, 1).toUpperCase(Locale.ROOT) + name.substring(1)), name);
                assertThat(attribute.getDescription()).as(name).isNotEqualTo(attribute.getName());
                if (name.endsWith("Bytes")) {
                    assertThat(attribute.getDescription()).endsWith(", in bytes");
                    assertThat(attribute.getDescriptor().getFieldValue("units")).isEqualTo("bytes");
                }
            }
            assertThat(info.getOperations()).allSatisfy(operation -> {
                assertThat(operation.getDescription()).isNotEqualTo(operation.getName());
                assertThat(operation.getSignature()).allSatisfy(parameter -> assertThat(parameter.getName())
                        .isIn("keepBytes", "sampleBytes", "sites"));
            });
        }
    }

    @Test
    void attributesOfOneRequestAreOfOneMoment() throws Exception {
        String[] counts = {"LiveBlocks", "AllocatedBlocks", "FreedBlocks"};
        try (Heap heap = heap("moment")) {
            ObjectName name = awaited(heap);
            long kept = heap.malloc(100);
            List<Long> values = SERVER.getAttributes(name, counts).asList().stream()
                    .map(each -> (Long) each.getValue())
                    .toList();
            assertThat(values.get(1) - values.get(2)).isEqualTo(values.get(0)).isEqualTo(1);
            heap.free(kept);
            assertThat(SERVER.getAttribute(name, "LiveBlocks"))
                    .as("a new reading")
                    .isEqualTo(0L);
        }
    }

    @Test
    void whatAClientCallsIsDone() throws Exception {
        try (Heap heap = heap("called")) {
            ObjectName name = awaited(heap);
            HeapMXBean bean = JMX.newMXBeanProxy(SERVER, name, HeapMXBean.class);
            bean.startProfile(1);
            long block = heap.malloc(1_000);
            heap.segment(block).fill((byte) 1);
            assertThat(bean.getLiveBytes()).isEqualTo(heap.usableSize(block));
            assertThat(bean.getSizeClasses()).singleElement().satisfies(each -> assertThat(each.liveBlocks())
                    .isEqualTo(1));
            assertThat(bean.profile(1)).singleElement().satisfies(site -> {
                assertThat(site.liveBlocks()).isEqualTo(1);
                assertThat(site.stack()).first().asString().contains("HeapBeanTest.whatAClientCallsIsDone");
            });
            bean.stopProfile();
            HeapParts parts = bean.snapshot();
            assertThat(parts.parts().sum()).isEqualTo(parts.mappedBytes());
            assertThat(parts.liveBlocks()).isEqualTo(1);
            assertThat(parts.budgets()).singleElement().satisfies(each -> assertThat(each.hardBytes())
                    .isEqualTo(64 * MIB));
            assertThat(SERVER.invoke(name, "snapshot", null, null)).isInstanceOf(CompositeData.class);
            assertThat(bean.measureResidentBytes()).isPositive();
            bean.verify();
            heap.free(block);
            assertThat(bean.trim(0)).isTrue();
            assertThat(bean.getPurgedBytes()).isPositive();
            SERVER.setAttribute(name, new Attribute("HardLimitBytes", 32 * MIB));
            assertThat(heap.hardLimitBytes()).isEqualTo(32 * MIB);
            assertThat(bean.getOptions()).containsEntry("malloc4j.hardLimitBytes", "64M");
        }
    }

    @Test
    void wrongArgumentsAreToldByTheHeapsOwnMessages() throws Exception {
        try (Heap heap = heap("wrong")) {
            HeapMXBean bean = JMX.newMXBeanProxy(SERVER, awaited(heap), HeapMXBean.class);
            assertThatThrownBy(() -> bean.trim(-1)).hasStackTraceContaining("trim(keepBytes=-1)");
            assertThatThrownBy(() -> bean.startProfile(0)).hasStackTraceContaining("startProfile(sampleBytes=0)");
            assertThatThrownBy(() -> bean.profile(-1)).hasStackTraceContaining("profile(sites=-1)");
            assertThatThrownBy(() -> bean.setHardLimitBytes(-1)).hasStackTraceContaining("setHardLimitBytes");
        }
    }

    @Test
    void aClosedHeapSaysSo() {
        Heap heap = heap("closed");
        HeapBean bean = new HeapBean(heap);
        heap.close();
        assertThatThrownBy(bean::getLiveBytes)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("heap 'closed'")
                .hasMessageContaining("closed");
        assertThatThrownBy(bean::verify).isInstanceOf(IllegalStateException.class);
        assertThat(bean.getAttributes(new String[] {"HeapName", "LiveBytes"}).asList())
                .singleElement()
                .isEqualTo(new Attribute("HeapName", "closed"));
    }

    @Test
    void aHeapMayBeClosedWhileItIsRead() throws Exception {
        String[] all = {"LiveBytes", "SizeClasses", "HardLimitBytes", "ReservedBytes"};
        AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        for (int round = 0; round < 100; round++) {
            Heap heap = heap("read");
            HeapBean bean = new HeapBean(heap);
            Thread reader = Thread.ofPlatform().start(() -> {
                try {
                    for (int reading = 0; reading < 1_000; reading++) {
                        assertThat(bean.getAttributes(all)).isNotNull();
                        assertThat(bean.snapshot().mappedBytes()).isNotNegative();
                        assertThat(bean.measureResidentBytes()).isNotNegative();
                        assertThat(bean.trim(0)).isIn(true, false);
                    }
                } catch (IllegalStateException closed) {
                    // as it says
                } catch (Throwable thrown) {
                    failure.compareAndSet(null, thrown);
                }
            });
            for (int count = 0; count < 50; count++) {
                heap.segment(heap.malloc(1_000 + 100L * count)).fill((byte) 1);
            }
            heap.close();
            reader.join();
        }
        assertThat(failure.get()).isNull();
    }

    @Test
    void aBeanDoesNotKeepItsHeap() throws Exception {
        WeakReference<Heap> forgotten = forgotten();
        await(() -> {
            System.gc();
            return forgotten.refersTo(null);
        });
    }

    private static WeakReference<Heap> forgotten() throws Exception {
        Heap heap = heap("forgotten");
        ObjectName unused = awaited(heap);
        return new WeakReference<>(heap);
    }
}
