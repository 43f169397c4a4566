package malloc4j.counts;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeElement;
import java.lang.classfile.TypeKind;
import java.lang.classfile.instruction.ArrayLoadInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.util.regex.Pattern;

/// Loads this library once more, with a call of [Counts] before each atomic read-modify-write, each lock, each
/// system call, and each word that is read of a `long[]`.
final class CountingLoader extends ClassLoader {
    private static final Pattern ATOMIC_OWNER =
            Pattern.compile("java/util/concurrent/(atomic/.*|ConcurrentHashMap)|java/lang/invoke/VarHandle");
    private static final Pattern ATOMIC_NAME = Pattern.compile(
            "compareAnd.*|weakCompareAnd.*|getAnd.*|.*AndGet|add|increment|decrement|put|remove|merge|setVolatile|fullFence");
    private static final String MUTEX = "malloc4j/internal/os/Mutex";
    private static final String CALLS = "malloc4j/internal/os/LinuxCalls";
    private static final ClassDesc COUNTS = ClassDesc.of(Counts.class.getName());
    private static final MethodTypeDesc NOTHING = MethodTypeDesc.of(ConstantDescs.CD_void);

    CountingLoader(ClassLoader parent) {
        super(parent);
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        if (!name.startsWith("malloc4j.") || name.equals(Counts.class.getName())) {
            return super.loadClass(name, resolve);
        }
        synchronized (getClassLoadingLock(name)) {
            Class<?> loaded = findLoadedClass(name);
            return loaded != null ? loaded : define(name);
        }
    }

    private Class<?> define(String name) throws ClassNotFoundException {
        try (InputStream file = getParent().getResourceAsStream(name.replace('.', '/') + ".class")) {
            if (file == null) {
                throw new ClassNotFoundException(name);
            }
            ClassFile classFile = ClassFile.of();
            byte[] bytes = classFile.transformClass(
                    classFile.parse(file.readAllBytes()),
                    ClassTransform.transformingMethodBodies(CountingLoader::transform));
            return defineClass(name, bytes, 0, bytes.length);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void transform(CodeBuilder code, CodeElement element) {
        if (element instanceof InvokeInstruction call) {
            String owner = call.owner().asInternalName();
            String name = call.name().stringValue();
            if (ATOMIC_OWNER.matcher(owner).matches()
                    && ATOMIC_NAME.matcher(name).matches()) {
                code.invokestatic(COUNTS, "atomic", NOTHING);
            } else if (owner.equals(MUTEX) && (name.equals("lock") || name.equals("tryLock"))) {
                code.invokestatic(COUNTS, "lock", NOTHING);
            } else if (owner.equals(CALLS) && name.startsWith("call")) {
                code.invokestatic(COUNTS, "systemCall", NOTHING);
            }
        }
        if (element instanceof ArrayLoadInstruction load && load.typeKind() == TypeKind.LONG) {
            code.invokestatic(COUNTS, "word", NOTHING);
        }
        code.with(element);
    }
}
