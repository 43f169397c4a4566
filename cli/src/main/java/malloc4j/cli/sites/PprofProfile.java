package malloc4j.cli.sites;

import com.google.protobuf.CodedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import malloc4j.cli.profile.Measure;
import malloc4j.cli.profile.SampledProcess;
import malloc4j.observe.AllocationProfile;
import malloc4j.observe.AllocationSite;

/// A profile for `pprof`, gzipped, with the four figures of each site under the names that Go's heap profiles have. The
/// heap is a label.
///
/// @source [profile.proto](https://github.com/google/pprof/blob/main/proto/profile.proto)
final class PprofProfile implements SitesFile {
    @Override
    public void write(SampledProcess process, Measure measure, OutputStream out) throws IOException {
        var gzip = new GZIPOutputStream(out);
        gzip.write(new Encoding().profile(process, measure));
        gzip.finish();
    }

    /// Writes the fields of one message.
    private interface Fields {
        void write(CodedOutputStream out) throws IOException;
    }

    private static byte[] message(Fields fields) throws IOException {
        var bytes = new ByteArrayOutputStream();
        CodedOutputStream out = CodedOutputStream.newInstance(bytes);
        fields.write(out);
        out.flush();
        return bytes.toByteArray();
    }

    /// One profile: what is met for the first time gets a number, and the tables are written behind the samples.
    private static final class Encoding {
        private record Function(String name, String file) {}

        private final Map<String, Long> strings = new LinkedHashMap<>(Map.of("", 0L)); // the first one has to be empty
        private final Map<Function, Long> functions = new LinkedHashMap<>();
        private final Map<StackTraceElement, Long> locations = new LinkedHashMap<>();

        byte[] profile(SampledProcess process, Measure measure) throws IOException {
            List<byte[]> samples = new ArrayList<>();
            for (SampledProcess.Site site : process.sites(measure)) {
                samples.add(sample(site));
            }
            return message(out -> {
                out.writeByteArray(1, valueType("alloc_objects", "count"));
                out.writeByteArray(1, valueType("alloc_space", "bytes"));
                out.writeByteArray(1, valueType("inuse_objects", "count"));
                out.writeByteArray(1, valueType("inuse_space", "bytes"));
                for (byte[] sample : samples) {
                    out.writeByteArray(2, sample);
                }
                for (Map.Entry<StackTraceElement, Long> location : locations.entrySet()) {
                    out.writeByteArray(4, location(location.getValue(), location.getKey()));
                }
                for (Map.Entry<Function, Long> function : functions.entrySet()) {
                    out.writeByteArray(5, function(function.getValue(), function.getKey()));
                }
                out.writeInt64(10, duration(process));
                out.writeByteArray(11, valueType("space", "bytes"));
                out.writeInt64(12, period(process));
                out.writeInt64(14, string(measure == Measure.LIVE ? "inuse_space" : "alloc_space"));
                for (String string : strings.keySet()) {
                    out.writeString(6, string);
                }
            });
        }

        private static long duration(SampledProcess process) {
            return process.profiles().stream()
                    .mapToLong(AllocationProfile::durationNanos)
                    .max()
                    .orElse(0);
        }

        private static long period(SampledProcess process) {
            return process.profiles().stream()
                    .mapToLong(AllocationProfile::sampleBytes)
                    .max()
                    .orElse(0);
        }

        private byte[] valueType(String type, String unit) throws IOException {
            return message(out -> {
                out.writeInt64(1, string(type));
                out.writeInt64(2, string(unit));
            });
        }

        private byte[] sample(SampledProcess.Site of) throws IOException {
            AllocationSite site = of.site();
            return message(out -> {
                for (StackTraceElement frame : site.stack()) {
                    out.writeUInt64(1, number(locations, frame));
                }
                out.writeInt64(2, site.totalBlocks());
                out.writeInt64(2, site.totalBytes());
                out.writeInt64(2, site.liveBlocks());
                out.writeInt64(2, site.liveBytes());
                out.writeByteArray(3, message(label -> {
                    label.writeInt64(1, string("heap"));
                    label.writeInt64(2, string(of.heapName()));
                }));
            });
        }

        private byte[] location(long id, StackTraceElement frame) throws IOException {
            String file = frame.getFileName();
            var function = new Function(frame.getClassName() + "." + frame.getMethodName(), file == null ? "" : file);
            return message(out -> {
                out.writeUInt64(1, id);
                out.writeByteArray(4, message(line -> {
                    line.writeUInt64(1, number(functions, function));
                    line.writeInt64(2, Math.max(0, frame.getLineNumber()));
                }));
            });
        }

        private byte[] function(long id, Function function) throws IOException {
            return message(out -> {
                out.writeUInt64(1, id);
                out.writeInt64(2, string(function.name));
                out.writeInt64(3, string(function.name));
                out.writeInt64(4, string(function.file));
            });
        }

        private long string(String string) {
            return strings.computeIfAbsent(string, unseen -> (long) strings.size());
        }

        /// Numbers of these begin with 1.
        private static <T> long number(Map<T, Long> numbers, T thing) {
            return numbers.computeIfAbsent(thing, unseen -> numbers.size() + 1L);
        }
    }
}
