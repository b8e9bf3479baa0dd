// Runs queries by JDBC. Each line of the input is a statement and its parameters in base64, separated by tabs; prints what a line
// returned: its rows, and the first value if it is a text.
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Base64;

public class Query {
    private static String decode(String text) {
        return new String(Base64.getDecoder().decode(text));
    }

    public static void main(String[] arguments) throws Exception {
        try (Connection connection = DriverManager.getConnection(arguments[0]);
             BufferedReader input = new BufferedReader(new InputStreamReader(System.in))) {
            for (String line = input.readLine(); line != null; line = input.readLine()) {
                String[] parts = line.split("\t", -1);
                // A question mark is a parameter unless it is doubled.
                String sql = decode(parts[0]).replace("?", "??").replaceAll("\\$\\d+", "?");
                try (PreparedStatement statement = connection.prepareStatement(sql)) {
                    for (int i = 1; i < parts.length; i++) {
                        statement.setString(i, decode(parts[i]));
                    }
                    try (ResultSet rows = statement.executeQuery()) {
                        int count = 0;
                        String first = "";
                        while (rows.next()) {
                            if (count++ == 0 && rows.getObject(1) instanceof String) {
                                first = rows.getString(1);
                            }
                        }
                        System.out.println(count + "\t" + first);
                    }
                } catch (SQLException error) {
                    System.out.println("ERROR " + error.getSQLState() + " " + error.getMessage().replace("\n", " "));
                }
            }
        }
    }
}
