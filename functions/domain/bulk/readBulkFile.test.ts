import { describe, expect, it } from "@jest/globals";
import { checkDraft } from "./bulkFile.ts";
import { readBulkFile } from "./readBulkFile.ts";

const SITE = "https://contoso.sharepoint.com/sites/finance";

const checked = (text: string, format: "auto" | "migration-manager" | "longshore" = "auto") => {
  const file = readBulkFile(text, format);
  const rows = file.drafts.map((draft) => ({ row: draft.row, ...checkDraft(draft) }));
  return { ...file, rows };
};
/** What is wrong with a file, each as "row column: message". */
const problems = (text: string) => {
  const { problems: whole, rows } = checked(text);
  const own = rows.flatMap(({ row, problems: found }) => found.map((each) => ({ row, ...each })));
  const all = [...whole, ...own];
  for (const { fix } of all) expect(fix).toMatch(/\w/);
  return all.map(({ row, column, message }) => `${row} ${column}: ${message}`);
};

describe("the CSV of Migration Manager", () => {
  const documented = [
    `\\\\MigrationTests\\testfiles,,,${SITE},Documents,SubFolderName`,
    "\\\\MigrationTests\\testfiles,,,https://contoso-my.sharepoint.com/personal/meganb,Documents,",
  ];
  const tasks = [
    {
      name: "testfiles",
      source: "\\\\MigrationTests\\testfiles",
      destination: { siteUrl: SITE, library: "Documents", folder: "SubFolderName" },
    },
    {
      name: "testfiles",
      source: "\\\\MigrationTests\\testfiles",
      destination: {
        siteUrl: "https://contoso-my.sharepoint.com/personal/meganb",
        library: "Documents",
        folder: "",
      },
    },
  ];

  it.each([
    ["as documented", documented.join("\n"), 1],
    [
      "with a header",
      ["FileSharePath,,,SharePointSite,DocLibrary,DocSubFolder", ...documented].join("\n"),
      2,
    ],
    ["with a byte order mark and Windows lines", `\ufeff${documented.join("\r\n")}\r\n\r\n`, 1],
    ["with quotes", documented.map((row) => `"${row.replaceAll(",", '","')}"`).join("\n"), 1],
    ["with spaces around", documented.map((row) => row.replaceAll(",", " , ")).join("\n"), 1],
  ])("is read %s", (_what, text, first) => {
    const { format, rows } = checked(text);
    expect(format).toBe("migration-manager-csv");
    expect(rows.map(({ row, task }) => ({ row, task }))).toMatchObject([
      { row: first, task: tasks[0] },
      { row: first + 1, task: tasks[1] },
    ]);
  });

  it("takes an e-mail address, nested folders and commas within quotes", () => {
    const { rows } = checked(
      '"\\\\srv\\a, b",,,jane@contoso.com,Documents,Old/2020\n/srv/share,,,jane@contoso.com,Documents,',
    );
    expect(rows[0]?.task).toMatchObject({
      ...{ name: "a, b", source: "\\\\srv\\a, b" },
      destination: { siteUrl: "jane@contoso.com", folder: "Old/2020" },
    });
    expect(rows[1]?.task?.name).toBe("share");
  });

  it("says everything that is wrong at once, with row, column and fix", () => {
    expect(
      problems(
        [
          "FileSharePath,,,SharePointSite,DocLibrary,DocSubFolder",
          `share,,,${SITE},Documents,`,
          `,lib,sub,,,`,
          "",
          `\\\\srv\\share,,,${SITE}?web=1,,a:b`,
          `\\\\srv\\share,,,${SITE},Documents`,
          `\\\\srv\\share,,,http://contoso.sharepoint.com,Documents,`,
        ].join("\n"),
      ),
    ).toEqual([
      "2 A (FileSharePath): is not an absolute path, like \\\\server\\share\\folder or /srv/share",
      "3 B: must be empty: it is not for file shares",
      "3 C: must be empty: it is not for file shares",
      "3 A (FileSharePath): is missing",
      "3 D (SharePointSite): is missing",
      "3 E (DocLibrary): is missing",
      '5 D (SharePointSite): must not have a query or fragment: leave out everything from "?" or "#" on',
      "5 E (DocLibrary): is missing",
      expect.stringMatching(/^5 F \(DocSubFolder\): "a:b": SharePoint does not allow/),
      "6 : has 5 columns instead of 6",
      "7 D (SharePointSite): must be an https URL, or the e-mail address of a OneDrive",
    ]);
  });

  it.each([
    ["", "0 : there are no tasks in the file"],
    ["FileSharePath,,,SharePointSite,DocLibrary,DocSubFolder\n", "0 : there are no tasks"],
    ["\\\\srv\\a;;;https://x;Documents;", "1 : the columns are not separated by commas"],
    ['\\\\srv\\a,,,"https://x,Documents,', "Quote Not Closed"],
  ])("of which nothing can be read is refused: %j", (text, message) => {
    expect(problems(text)).toEqual([expect.stringContaining(message)]);
  });
});

describe("the JSON of Migration Manager", () => {
  const task = (more = "") =>
    `{ "SourcePath": "\\\\\\\\srv\\\\share", "TargetPath": "${SITE}", "TargetList": "Documents" ${more} }`;

  it("is read, with a comma too many", () => {
    const {
      format,
      rows,
      problems: none,
    } = checked(
      `\ufeff{ "Tasks": [ ${task(
        ', "TargetListRelativePath": "a,]b", "Settings": { "MigrateHiddenItems": "true", "MigrateItemsCreatedAfter": "2020-01-31", "SkipFilesWithExtensions": "txt:mp3", "FilterOutPathSpecialCharacters": false, "PreservePermission": true, "EnableAzureDirectoryLookup": "false", },',
      )}, ] , }`,
    );
    expect(none).toEqual([]);
    expect(format).toBe("migration-manager-json");
    expect(rows[0]?.task).toMatchObject({
      ...{ name: "share", source: "\\\\srv\\share" },
      destination: { siteUrl: SITE, library: "Documents", folder: "a,]b" },
      settings: {
        ...{ migrateHidden: true, createdAfter: "2020-01-31" },
        ...{ excludeExtensions: "txt:mp3", invalidCharacters: "try" },
        ...{ preservePermissions: true, lookupUsers: false },
      },
    });
  });

  it.each([
    ['"MigrateFileVersionHistory": true, "KeepFileVersions": 7', 7],
    ['"KeepFileVersions": "7", "MigrateFileVersionHistory": "true"', 7],
    ['"KeepFileVersions": 7', 7],
    ['"MigrateFileVersionHistory": true', 50],
    ['"MigrateFileVersionHistory": true, "KeepFileVersions": 0', 50],
    ['"MigrateFileVersionHistory": true, "KeepFileVersions": null', 50],
    ['"MigrateFileVersionHistory": false, "KeepFileVersions": 7', 0],
    ['"KeepFileVersions": 0', 0],
    ['"KeepFileVersions": ""', undefined],
  ])("asks for versions by %s", (settings, fileVersions) => {
    const { drafts, rows } = checked(`{ "Tasks": [${task(`, "Settings": { ${settings} }`)}] }`);
    expect(rows[0]?.task?.settings?.fileVersions).toBe(fileVersions);
    expect(drafts[0]?.warnings).toEqual([]);
  });

  it("brings fewer versions than are asked for, and says so", () => {
    const settings = '"MigrateFileVersionHistory": true, "KeepFileVersions": 100';
    const { drafts, rows } = checked(`{ "Tasks": [${task(`, "Settings": { ${settings} }`)}] }`);
    expect(rows[0]?.task?.settings).toEqual({ fileVersions: 50 });
    expect(drafts[0]?.warnings).toMatchObject([
      { column: "Settings.KeepFileVersions", message: "at most 50 versions are brought" },
    ]);
  });

  it.each([
    ['"MigrateFileVersionHistory": "some", "KeepFileVersions": 7', "MigrateFileVersionHistory"],
    ['"MigrateFileVersionHistory": true, "KeepFileVersions": "few"', "KeepFileVersions"],
  ])("refuses %s by the name of what is wrong", (settings, column) => {
    expect(problems(`{ "Tasks": [${task(`, "Settings": { ${settings} }`)}] }`)).toEqual([
      expect.stringContaining(`1 Settings.${column}: `),
    ]);
  });

  it("names what has no effect, and never a key", () => {
    const { drafts, rows } = checked(
      `{ "Tasks": [${task(
        ', "SourceList": "x", "Settings": { "MigrateOneNoteNotebook": true, "CustomAzureAccessKey": "secret", "__proto__x": 1 }',
      )}] }`,
    );
    expect(rows[0]?.task).toBeDefined();
    expect(drafts[0]?.warnings.map(({ column, message }) => `${column}: ${message}`)).toEqual([
      "SourceList: is not used for file shares",
      "Settings.MigrateOneNoteNotebook: has no effect: notebooks are migrated as the folders and files that they are",
      expect.stringContaining("Settings.CustomAzureAccessKey: has no effect"),
      "Settings.__proto__x: has no effect: it is not supported",
    ]);
    expect(JSON.stringify(drafts)).not.toContain("secret");
  });

  it("says everything that is wrong at once", () => {
    expect(
      problems(
        `{ "Tasks": [ ${task()}, 7, { "SourcePath": 5, "TargetPath": "x" }, ${task(
          ', "Settings": { "MigrateHiddenItems": "maybe", "MigrateItemsModifiedAfter": "31.1.2020" }',
        )} ] }`,
      ),
    ).toEqual([
      "2 : is not a task",
      "3 SourcePath: is not text",
      "3 TargetPath: must be an https URL, or the e-mail address of a OneDrive",
      "3 TargetList: is missing",
      expect.stringContaining("4 Settings.MigrateHiddenItems: "),
      expect.stringContaining("4 Settings.MigrateItemsModifiedAfter: "),
    ]);
  });

  it.each([
    ['{ "Tasks": [', "the file is not JSON"],
    ["[]", 'there is no list "Tasks"'],
    ['{ "Tasks": [] }', "there are no tasks in the file"],
  ])("of which nothing can be read is refused: %j", (text, message) => {
    expect(problems(text)).toEqual([expect.stringContaining(message)]);
  });
});

describe("our own CSV", () => {
  it("has names, tags, groups, schedules and settings", () => {
    const { format, rows } = checked(
      [
        "Source,Site,library,folder,name,tags,agentGroup,schedule,timeZone,setting.migrateHidden,setting.excludeNames,setting.createdAfter,setting.packageItems",
        `\\\\srv\\hr,${SITE},Documents,HR/Old,Human resources,hr; Q3;,paris,0 22 * * 1-5,Europe/Paris,no,*.tmp;~*,2020-01-31,100`,
        `/srv/it,${SITE},Documents,,,,,2126-01-31T22:00:00Z,,,,none,`,
      ].join("\n"),
    );
    expect(format).toBe("longshore-csv");
    expect(rows[0]).toMatchObject({
      row: 2,
      problems: [],
      task: {
        ...{ name: "Human resources", source: "\\\\srv\\hr", agentGroup: "paris" },
        destination: { siteUrl: SITE, library: "Documents", folder: "HR/Old" },
        tags: ["hr", "Q3"],
        schedule: { cron: "0 22 * * 1-5", timeZone: "Europe/Paris" },
        settings: {
          ...{ migrateHidden: false, excludeNames: ["*.tmp", "~*"] },
          ...{ createdAfter: "2020-01-31", packageItems: 100 },
        },
      },
    });
    expect(rows[1]?.task).toMatchObject({
      ...{ name: "it", agentGroup: "default", tags: [] },
      ...{ schedule: { at: "2126-01-31T22:00:00.000Z" }, settings: { createdAfter: null } },
    });
  });

  it("says everything that is wrong at once", () => {
    expect(
      problems(
        [
          "source,site,library,tags,agentGroup,at,cron,timeZone,setting.packageItems",
          `/srv/a,${SITE},Documents,${"t".repeat(65)},Paris,tomorrow,,,many`,
          `/srv/b,${SITE},Documents,,,,99 * * * *,,`,
          `/srv/c,${SITE},Documents,,,,0 22 * * *,Paris,`,
          `/srv/d,${SITE},Documents,,,2126-01-31T22:00:00Z,0 22 * * *,,,and,more`,
        ].join("\n"),
      ),
    ).toEqual([
      expect.stringContaining("2 setting.packageItems: "),
      expect.stringContaining("2 agentGroup: must be"),
      expect.stringContaining("2 tags: "),
      expect.stringContaining("2 at: must be"),
      expect.stringContaining("3 cron: must be"),
      expect.stringContaining("4 timeZone: must be an IANA time zone"),
      "5 : has 11 cells, the header 9",
      "5 cron: there is a single time as well",
    ]);
  });

  it("needs its columns, and no others; its rows are checked all the same", () => {
    expect(problems("source,site,color,folder,folder\n/a,b,c,d,e")).toEqual([
      "1 color: is not a column of this format",
      "1 folder: is there twice",
      "1 library: is missing",
      "2 site: must be an https URL, or the e-mail address of a OneDrive",
    ]);
  });

  it("is told by columns with mistakes in them, and says which ones are meant", () => {
    const file = readBulkFile(`source,SiteUrl,library\n/srv/a,${SITE},Documents`, "auto");
    expect(file.problems.map(({ column, fix }) => `${column}: ${fix}`)).toEqual([
      'SiteUrl: Write "site", if that is what you mean, or leave the column out.',
      "site: Add the column site to the header.",
    ]);
    const data = `/srv/site,,,${SITE},library,folder`;
    expect(readBulkFile(data, "auto").format).toBe("migration-manager-csv");
  });

  it("says once that the source is missing, in the header or in a row", () => {
    expect(problems(`sources,site,library\n/srv/a,${SITE},Documents`)).toEqual([
      "1 sources: is not a column of this format",
      "1 source: is missing",
    ]);
    const { drafts } = readBulkFile(`source,site,library\n,${SITE},Documents`, "auto");
    expect(drafts.flatMap((draft) => checkDraft(draft).problems)).toEqual([
      { column: "source", value: "", message: "is missing", fix: expect.stringMatching(/folder/) },
    ]);
  });

  it("needs a header", () => {
    const file = readBulkFile(`/srv/a,${SITE},Documents`, "longshore");
    expect(file.problems).toMatchObject([{ row: 1, message: "is no header: it names no column" }]);
  });

  it("says which of a setting's values is wrong", () => {
    const rows = `source,site,library,setting.excludeNames\n/srv/a,${SITE},Documents,*.tmp;[a`;
    expect(problems(rows)).toEqual([
      expect.stringMatching(/^2 setting.excludeNames: value 2 misses its closing "]"/),
    ]);
  });
});
