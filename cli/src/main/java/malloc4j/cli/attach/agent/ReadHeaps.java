package malloc4j.cli.attach.agent;

import java.io.IOException;
import java.io.ObjectOutputStream;
import java.lang.instrument.Instrumentation;
import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.List;

/// What the open heaps of this process tell of themselves, of every copy of the library that is new enough.
final class ReadHeaps {
    private final Instrumentation instrumentation;

    ReadHeaps(Instrumentation instrumentation) {
        this.instrumentation = instrumentation;
    }

    /// Writes how many copies there are, how many heaps answer, and of each its number, its name and what a chain of
    /// methods without parameters gives, such as `snapshot.caches`.
    void write(String methods, ObjectOutputStream out) throws IOException, ReflectiveOperationException {
        String[] chain = methods.split("\\.", -1);
        List<Class<?>> libraries = Libraries.with(chain[0], instrumentation);
        List<Object[]> answers = new ArrayList<>();
        for (Class<?> library : libraries) {
            for (Object heap : Libraries.openHeaps(library)) {
                try {
                    answers.add(new Object[] {number(heap), name(heap), value(heap, chain)});
                } catch (InvocationTargetException refused) {
                    if (Libraries.openHeaps(library).contains(heap)) {
                        throw refused;
                    }
                }
            }
        }
        out.writeInt(libraries.size());
        out.writeInt(answers.size());
        for (Object[] answer : answers) {
            out.writeInt((int) answer[0]);
            out.writeUTF((String) answer[1]);
            out.writeObject(answer[2]);
        }
    }

    /// Has every heap give back what it can. Writes as many answers as heaps: of each its number, its name, and the
    /// resident bytes before and after.
    void trim(long keepBytes, ObjectOutputStream out) throws IOException, ReflectiveOperationException {
        List<Class<?>> libraries = Libraries.with("trim", instrumentation);
        List<Object[]> answers = new ArrayList<>();
        for (Class<?> library : libraries) {
            for (Object heap : Libraries.openHeaps(library)) {
                try {
                    long before = residentBytes(heap);
                    Object unused = library.getMethod("trim", long.class).invoke(heap, keepBytes);
                    answers.add(new Object[] {number(heap), name(heap), before, residentBytes(heap)});
                } catch (InvocationTargetException refused) {
                    if (Libraries.openHeaps(library).contains(heap)) {
                        throw refused;
                    }
                }
            }
        }
        out.writeInt(libraries.size());
        out.writeInt(answers.size());
        for (Object[] answer : answers) {
            out.writeInt((int) answer[0]);
            out.writeUTF((String) answer[1]);
            out.writeLong((long) answer[2]);
            out.writeLong((long) answer[3]);
        }
    }

    private static Object value(Object heap, String[] chain) throws ReflectiveOperationException {
        Object value = heap;
        for (String method : chain) {
            value = value.getClass().getMethod(method).invoke(value);
        }
        return value;
    }

    private static int number(Object heap) throws ReflectiveOperationException {
        return (int) value(heap, new String[] {"heapId"});
    }

    private static long residentBytes(Object heap) throws ReflectiveOperationException {
        return (long) value(heap, new String[] {"residentBytes"});
    }

    private static String name(Object heap) throws ReflectiveOperationException {
        return (String) value(heap, new String[] {"options", "name"});
    }
}
