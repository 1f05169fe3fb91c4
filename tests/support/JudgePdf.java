// PDFBox as an independent reader of signatures in a PDF. Run as a single source file:
//
//   java -cp pdfbox2.jar:fontbox2.jar:commons-logging.jar JudgePdf.java FILE.pdf FOLDER
//       Writes each signature, in the order of the fields, as FOLDER/N.p7s, and the octets that it is over as N.content.

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

import org.apache.pdfbox.pdmodel.PDDocument;
import org.apache.pdfbox.pdmodel.interactive.digitalsignature.PDSignature;

public class JudgePdf {
    /** A DER element without what stands behind it: the reserve. */
    static byte[] element(byte[] padded) {
        int first = padded[1] & 0xff;
        if (first < 0x80)
            return Arrays.copyOf(padded, 2 + first);
        int length = 0;
        for (int i = 0; i < first - 0x80; i++)
            length = length << 8 | padded[2 + i] & 0xff;
        return Arrays.copyOf(padded, 2 + first - 0x80 + length);
    }

    public static void main(String[] arguments) throws Exception {
        byte[] file = Files.readAllBytes(Path.of(arguments[0]));
        int n = 0;
        try (PDDocument document = PDDocument.load(new File(arguments[0]))) {
            for (PDSignature signature : document.getSignatureDictionaries()) {
                n++;
                Files.write(Path.of(arguments[1], n + ".p7s"), element(signature.getContents(file)));
                Files.write(Path.of(arguments[1], n + ".content"), signature.getSignedContent(file));
            }
        }
        if (n == 0)
            throw new Exception("no signature");
    }
}
