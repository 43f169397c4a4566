package malloc4j.internal.memory;

import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/// Stack to spare for what must not stop half-way: throws [StackOverflowError] where there is not enough of it left,
/// before the caller has changed anything.
///
/// ```
///   caller |  probe's frame: 16 or 24 KiB of locals  |  what HotSpot keeps for itself  | guard pages
///          |  what the caller does next fits in here |
/// ```
///
/// HotSpot asks for stack when it enters a method, and then for all that the method's frame can take: in the
/// interpreter for its locals, in compiled code for those that the interpreter would need, should it go on from there.
/// So it is enough to call a method that has thousands of locals, and does nothing. Its body is longer than what C2
/// inlines, so that no caller asks for so much stack by itself; and it has a call in it, without which compiled code
/// would need no frame.
public final class StackProbe {
    /// For the way of one block: four times what the deepest takes, interpreted.
    private static final int CALL_BYTES = 16 << 10;

    /// For what is made of such ways, which ask for theirs once more.
    private static final int WHOLE_BYTES = 24 << 10;

    private static final int SLOT_BYTES = 8;
    private static final int TOO_LONG_TO_INLINE = 400; // bytes of code; -XX:FreqInlineSize is 325
    private static final MethodHandle CALL = probe(CALL_BYTES);
    private static final MethodHandle WHOLE = probe(WHOLE_BYTES);

    private StackProbe() {}

    /// Makes sure of the stack that the slow way of one block needs.
    ///
    /// @throws StackOverflowError if it is not there
    public static void requireForCall() {
        require(CALL);
    }

    /// Makes sure of the stack that trim, statistics and close need, of a heap or of an arena with blocks.
    ///
    /// @throws StackOverflowError if it is not there
    public static void requireForWhole() {
        require(WHOLE);
    }

    private static void require(MethodHandle probe) {
        try {
            probe.invokeExact(0);
        } catch (Error error) {
            throw error;
        } catch (Throwable thrown) {
            throw new AssertionError(thrown);
        }
    }

    private static MethodHandle probe(int byteSize) {
        ClassDesc name = ClassDesc.of(StackProbe.class.getPackageName(), "StackProbe$Frame");
        MethodTypeDesc type = MethodTypeDesc.of(ConstantDescs.CD_void, ConstantDescs.CD_int);
        byte[] bytes = ClassFile.of()
                .build(
                        name,
                        frame -> frame.withMethodBody(
                                "probe", type, ClassFile.ACC_STATIC, code -> body(code, name, type, byteSize)));
        try {
            MethodHandles.Lookup hidden = MethodHandles.lookup().defineHiddenClass(bytes, true);
            MethodHandle probe =
                    hidden.findStatic(hidden.lookupClass(), "probe", MethodType.methodType(void.class, int.class));
            probe.invokeExact(0); // linked here, and not where stack is short
            return probe;
        } catch (Throwable thrown) {
            throw new AssertionError(thrown);
        }
    }

    /// `if (again != 0) { last = 0; probe(last); }`, and then nothing for long; `last` is in the highest slot.
    private static void body(CodeBuilder code, ClassDesc name, MethodTypeDesc type, int byteSize) {
        int last = byteSize / SLOT_BYTES - 1;
        Label end = code.newLabel();
        code.iload(0).ifeq(end);
        code.iconst_0().istore(last).iload(last).invokestatic(name, "probe", type);
        code.labelBinding(end);
        for (int length = 0; length < TOO_LONG_TO_INLINE; length++) {
            code.nop();
        }
        code.return_();
    }
}
