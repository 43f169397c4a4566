package malloc4j.internal.memory;

import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
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
    private static final Frame CALL = frame(CALL_BYTES);
    private static final Frame WHOLE = frame(WHOLE_BYTES);

    private StackProbe() {}

    /// A method with a frame of some size, which does nothing. Not a method handle: the interpreter makes objects for
    /// one at its 128th call, or where it fails at every call from then on.
    @FunctionalInterface
    interface Frame {
        /// Takes the stack for the frame.
        ///
        /// @param again whether to call itself once more, 0 for no
        void probe(int again);
    }

    /// Makes sure of the stack that the slow way of one block needs.
    ///
    /// @throws StackOverflowError if it is not there
    public static void requireForCall() {
        CALL.probe(0);
    }

    /// Makes sure of the stack that trim, statistics and close need, of a heap or of an arena with blocks.
    ///
    /// @throws StackOverflowError if it is not there
    public static void requireForWhole() {
        WHOLE.probe(0);
    }

    private static Frame frame(int byteSize) {
        ClassDesc name = ClassDesc.of(StackProbe.class.getPackageName(), "StackProbe$Made");
        ClassDesc probed = ClassDesc.of(Frame.class.getName());
        MethodTypeDesc type = MethodTypeDesc.of(ConstantDescs.CD_void, ConstantDescs.CD_int);
        byte[] bytes = ClassFile.of().build(name, made -> made.withInterfaceSymbols(probed)
                .withMethodBody(
                        ConstantDescs.INIT_NAME, ConstantDescs.MTD_void, ClassFile.ACC_PRIVATE, code -> code.aload(0)
                                .invokespecial(ConstantDescs.CD_Object, ConstantDescs.INIT_NAME, ConstantDescs.MTD_void)
                                .return_())
                .withMethodBody("probe", type, ClassFile.ACC_PUBLIC, code -> body(code, probed, type, byteSize)));
        try {
            MethodHandles.Lookup hidden = MethodHandles.lookup().defineHiddenClass(bytes, true);
            Object made = hidden.findConstructor(hidden.lookupClass(), MethodType.methodType(void.class))
                    .invoke();
            Frame frame = (Frame) made;
            frame.probe(0); // linked here, and not where stack is short
            return frame;
        } catch (Throwable thrown) {
            throw new AssertionError(thrown);
        }
    }

    /// `if (again != 0) { last = 0; this.probe(last); }`, and then nothing for long; `last` is in the highest slot.
    private static void body(CodeBuilder code, ClassDesc probed, MethodTypeDesc type, int byteSize) {
        int last = byteSize / SLOT_BYTES - 1;
        Label end = code.newLabel();
        code.iload(1).ifeq(end);
        code.iconst_0().istore(last);
        code.aload(0).iload(last).invokeinterface(probed, "probe", type);
        code.labelBinding(end);
        for (int length = 0; length < TOO_LONG_TO_INLINE; length++) {
            code.nop();
        }
        code.return_();
    }
}
