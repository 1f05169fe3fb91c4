// PDFBox as another program that adds to a signed PDF. Run as a single source file:
//
//   java -cp pdfbox2.jar:fontbox2.jar:commons-logging.jar ChangePdf.java IN.pdf OUT.pdf sign CERTIFICATE KEY
//       Adds a signature in a field of its own; `openssl` makes the CMS.
//   java -cp ... ChangePdf.java IN.pdf OUT.pdf fill FIELD VALUE
//       Fills in a field, and notes in /Info when.

import java.io.File;
import java.io.FileOutputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Calendar;

import org.apache.pdfbox.pdmodel.PDDocument;
import org.apache.pdfbox.pdmodel.PDPage;
import org.apache.pdfbox.pdmodel.interactive.digitalsignature.ExternalSigningSupport;
import org.apache.pdfbox.pdmodel.interactive.digitalsignature.PDSignature;
import org.apache.pdfbox.pdmodel.interactive.form.PDAcroForm;
import org.apache.pdfbox.pdmodel.interactive.form.PDField;

public class ChangePdf {
    static byte[] cms(ExternalSigningSupport signing, String certificate, String key) throws Exception {
        Path content = Files.createTempFile(Path.of("."), "content", null);
        try {
            Files.copy(signing.getContent(), content, StandardCopyOption.REPLACE_EXISTING);
            return new ProcessBuilder("openssl", "cms", "-sign", "-binary", "-cades", "-md", "sha256", "-signer", certificate,
                                      "-inkey", key, "-outform", "DER", "-in", content.toString())
                .start().getInputStream().readAllBytes();
        } finally {
            Files.delete(content);
        }
    }

    static void sign(PDDocument document, OutputStream out, String certificate, String key) throws Exception {
        PDSignature signature = new PDSignature();
        signature.setFilter(PDSignature.FILTER_ADOBE_PPKLITE);
        signature.setSubFilter(PDSignature.SUBFILTER_ETSI_CADES_DETACHED);
        signature.setSignDate(Calendar.getInstance());
        document.addSignature(signature);
        ExternalSigningSupport signing = document.saveIncrementalForExternalSigning(out);
        signing.setSignature(cms(signing, certificate, key));
    }

    static void fill(PDDocument document, OutputStream out, String name, String value) throws Exception {
        PDAcroForm form = document.getDocumentCatalog().getAcroForm();
        PDField field = form.getField(name);
        field.setValue(value);
        document.getDocumentInformation().setModificationDate(Calendar.getInstance());
        document.getDocumentInformation().getCOSObject().setNeedToBeUpdated(true);
        field.getCOSObject().setNeedToBeUpdated(true);
        form.getCOSObject().setNeedToBeUpdated(true);
        document.getDocumentCatalog().getCOSObject().setNeedToBeUpdated(true);
        for (PDPage page : document.getPages())
            page.getCOSObject().setNeedToBeUpdated(true);
        document.saveIncremental(out);
    }

    public static void main(String[] arguments) throws Exception {
        try (PDDocument document = PDDocument.load(new File(arguments[0]));
             OutputStream out = new FileOutputStream(arguments[1])) {
            if (arguments[2].equals("sign"))
                sign(document, out, arguments[3], arguments[4]);
            else
                fill(document, out, arguments[3], arguments[4]);
        }
    }
}
